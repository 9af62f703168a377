import { defineConfig } from "vite";

// Three pages, one asset folder. Nothing is inlined: the pages run under a strict content security policy.
export default defineConfig({
  base: "/static/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
    rollupOptions: { input: ["desk.html", "board.html", "admin.html"] },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } } },
});
