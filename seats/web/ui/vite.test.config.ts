import { defineConfig } from "vite";

// Bundles the tests for Node.js, so that they need no runner of their own; that of Node.js takes no
// files below node_modules.
export default defineConfig({
  publicDir: false,
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: "../../../var/ui-tests",
    emptyOutDir: true,
    minify: false,
    rollupOptions: {
      input: ["tests/figures.test.js", "tests/feed.test.js", "tests/i18n.test.js", "tests/why.test.js"],
      output: { entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" },
    },
  },
});
