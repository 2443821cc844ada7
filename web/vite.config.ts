import { rmSync } from 'node:fs';
import { defineConfig } from 'vite';

const pages = [
  'join',
  'instructor',
  'self',
  'attendee',
  'present',
  'board',
  'projector',
  'replay',
  'message',
  'try',
];

export default defineConfig({
  base: '/',
  build: {
    outDir: 'dist',
    // dist/.keep stays, so that the Go package that embeds dist always compiles.
    emptyOutDir: false,
    manifest: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rolldownOptions: { input: pages.map(page => `src/pages/${page}.ts`) },
  },
  plugins: [
    {
      name: 'forget-the-last-build',
      apply: 'build',
      buildStart() {
        rmSync('dist/assets', { recursive: true, force: true });
        rmSync('dist/.vite', { recursive: true, force: true });
      },
    },
  ],
  test: { include: ['test/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
