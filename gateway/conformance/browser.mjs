// A headless Chromium, one request at a time (see requests.mjs). It is driven by its own
// protocol, over Node.js's WebSocket (--experimental-websocket).
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { serve } from './requests.mjs';

let browser, socket, session;
let last = 0;
const waiting = new Map();
const loaded = new Set(), loading = new Map(); // loads of pages that have ended, and those that are waited for

// patience is how long what a page shows is waited for, in milliseconds.
const patience = 60_000;

function call(method, params = {}, sessionId = session) {
	const id = ++last;
	socket.send(JSON.stringify({ id, method, params, sessionId }));
	return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

async function evaluate(expression) {
	const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
	if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
	return result.value;
}

// until waits until an expression, which the page evaluates again and again, is true, and returns the
// text of another one. It fails with that text.
async function until(condition, text) {
	return evaluate(`new Promise((done, fail) => {
		const end = Date.now() + ${patience};
		const look = () => {
			const text = ${text};
			if (${condition}) done(text);
			else if (Date.now() > end) fail(new Error('in ' + ${patience} + ' ms it has not come to be, and is ' + text));
			else setTimeout(look, 20);
		};
		look();
	})`);
}

const operations = {
	async open({ chromium, dir }) {
		browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${dir}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
		const address = await new Promise((resolve, reject) => {
			browser.on('error', reject);
			browser.on('exit', () => reject(new Error('Chromium has ended')));
			createInterface({ input: browser.stderr }).on('line', (line) => {
				const found = line.match(/^DevTools listening on (ws:.*)$/);
				if (found) resolve(found[1]);
			});
		});
		socket = new WebSocket(address);
		socket.addEventListener('message', ({ data }) => {
			const { id, result, error, method, params } = JSON.parse(data);
			if (method === 'Page.lifecycleEvent' && params.name === 'load') {
				loaded.add(params.loaderId);
				loading.get(params.loaderId)?.();
			}
			const one = waiting.get(id);
			waiting.delete(id);
			if (error) one?.reject(new Error(error.message));
			else one?.resolve(result);
		});
		await new Promise((resolve, reject) => {
			socket.addEventListener('open', resolve);
			socket.addEventListener('error', () => reject(new Error('Chromium cannot be reached')));
		});
		const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
		({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
		await call('Page.enable');
		await call('Page.setLifecycleEventsEnabled', { enabled: true });
	},

	// goto goes to a page, and waits until that has loaded: before, what is evaluated may still be so
	// in the page that is left.
	async goto({ url }) {
		const { loaderId, errorText } = await call('Page.navigate', { url });
		if (errorText) throw new Error(`${url}: ${errorText}`);
		if (!loaded.has(loaderId)) await new Promise((done) => loading.set(loaderId, done));
	},

	// until waits until the text of an element has some words.
	async until({ selector, words }) {
		const text = `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`;
		return { value: await until(`text.includes(${JSON.stringify(words)})`, text) };
	},

	async evaluate({ expression }) {
		return { value: await evaluate(expression) };
	},

	// choose has a person choose a file in an input.
	async choose({ selector, file }) {
		const { root } = await call('DOM.getDocument');
		const { nodeId } = await call('DOM.querySelector', { nodeId: root.nodeId, selector });
		await call('DOM.setFileInputFiles', { nodeId, files: [file] });
	},

	// drop has a person drag a file over the middle of an element, and let it go there.
	async drop({ selector, file }) {
		const { x, y } = await evaluate(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView(); const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()`);
		const data = { items: [], files: [file], dragOperationsMask: 1 };
		for (const type of ['dragEnter', 'dragOver', 'drop']) await call('Input.dispatchDragEvent', { type, x, y, data });
	},

	// view makes the window as wide, and light or dark.
	async view({ width, height, scheme }) {
		await call('Emulation.setDeviceMetricsOverride', { width, height, screenWidth: width, screenHeight: height, deviceScaleFactor: 2, mobile: width < 500 });
		await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
		await until(`screen.width === ${width} && matchMedia('(prefers-color-scheme: ${scheme})').matches`, "screen.width + ' wide, and ' + innerWidth");
	},

	// shot writes what is seen of the whole page to a file.
	async shot({ file }) {
		const { data } = await call('Page.captureScreenshot', { captureBeyondViewport: true });
		await writeFile(file, Buffer.from(data, 'base64'));
	},

	async press({ key }) {
		for (const type of ['keyDown', 'keyUp']) await call('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: { Tab: 9 }[key] });
	},
};

await serve(operations);
if (browser) {
	// Nobody writes to its directory any more when it has ended, with all that it has started.
	const ended = new Promise((done) => browser.removeAllListeners('exit').on('exit', done));
	if (socket) {
		session = undefined;
		call('Browser.close').catch(() => {});
		setTimeout(() => process.kill(-browser.pid, 'SIGKILL'), 10_000).unref();
	} else process.kill(-browser.pid, 'SIGKILL');
	if (browser.exitCode === null && browser.signalCode === null) await ended;
	try { process.kill(-browser.pid, 'SIGKILL'); } catch { /* nothing is left */ }
}
process.exit(0);
