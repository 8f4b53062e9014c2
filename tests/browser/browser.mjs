// A real browser that can reach nothing but this machine, and servers to look at.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const found = NAMES.map((name) => spawnSync('which', [name]).stdout?.toString().trim());
const CHROMIUM = process.env.CHROMIUM || found.find((path) => path);
export const skip = CHROMIUM
  ? false
  : `no Chromium: looked for ${NAMES.join(', ')}; CHROMIUM=/its/path names another`;

const QUIET = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
QUIET.push('--disable-background-networking', '--disable-component-update', '--disable-sync');
QUIET.push('--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost');

/** Open a page; `foreign` collects what it asked of other hosts, `problems` its errors. */
export async function open(viewport = { width: 1200, height: 1500 }) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  const page = await browser.newPage({ viewport });
  const foreign = [], problems = [];
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') foreign.push(request.url());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  return { browser, page, foreign, problems };
}

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.json': 'application/json', '.png': 'image/png', '.gif': 'image/gif', '.svg': 'image/svg+xml',
  '.woff': 'font/woff', '.woff2': 'font/woff2', '.txt': 'text/plain',
};

/** Serve a folder's files; return the address and a function that ends it. */
export async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    try {
      const content = await readFile(file);
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Start JupyterLab on a copy of the notebooks; return its address and how to end it. */
export async function startLab() {
  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  for (const part of ['notebooks', 'figures']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  const posix = join(ROOT, '.venv', 'bin', 'python');
  const python = existsSync(posix) ? posix : join(ROOT, '.venv', 'Scripts', 'python.exe');
  const options = [
    '-m', 'jupyter', 'lab', '--allow-root', '--no-browser', '--ServerApp.ip=127.0.0.1',
    '--ServerApp.port=0', '--IdentityProvider.token=t', '--LabApp.news_url=None',
    '--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate',
  ];
  const env = { ...process.env, SDL_VIDEODRIVER: 'dummy', OMP_NUM_THREADS: '1' };
  const lab = spawn(python, options, { cwd: folder, env });
  const address = await new Promise((resolve, reject) => {
    let said = '';
    lab.stderr.on('data', (data) => {
      said += data;
      const port = said.match(/http:\/\/127\.0\.0\.1:(\d+)\/lab/)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    });
    lab.on('exit', () => reject(new Error(`JupyterLab did not start:\n${said}`)));
  });
  const close = async () => {
    lab.removeAllListeners('exit');
    const ended = new Promise((resolve) => lab.on('exit', resolve));
    lab.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { address, close };
}
