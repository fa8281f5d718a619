import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// `dist/` is served by the API under `/`; the development server hands /api to a running one.
export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    // No inlined assets: the content security policy allows 'self' only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // Licence texts of what is bundled stay next to it.
    license: { fileName: 'third-party-licences.md' },
  },
  server: {
    host: '127.0.0.1',
    port: 28000,
    strictPort: true,
    proxy: { '/api': 'http://127.0.0.1:28010' },
  },
})
