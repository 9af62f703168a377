import { defineConfig } from "vite";

// Bundles the tests for Node.js, so that they need no runner of their own.
export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    outDir: "node_modules/.tests",
    emptyOutDir: true,
    minify: false,
    rollupOptions: { input: ["tests/figures.test.js", "tests/feed.test.js", "tests/i18n.test.js", "tests/why.test.js"] },
  },
});
