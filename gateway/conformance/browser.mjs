// A headless Chromium, one request at a time (see requests.mjs). It is driven by its own
// protocol, over Node.js's WebSocket (--experimental-websocket).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { serve } from './requests.mjs';

let browser, socket, session;
let last = 0;
const waiting = new Map();

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

const operations = {
	async open({ chromium, dir }) {
		browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${dir}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
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
			const { id, result, error } = JSON.parse(data);
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
	},

	async goto({ url }) {
		await call('Page.navigate', { url });
		await evaluate(`new Promise((done) => { const look = () => document.readyState === 'complete' && location.href === ${JSON.stringify(url)} ? done() : setTimeout(look, 20); look(); })`);
	},

	// until waits until the text of an element has some words.
	async until({ selector, words }) {
		const text = `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`;
		return { value: await evaluate(`new Promise((done) => { const look = () => (${text}).includes(${JSON.stringify(words)}) ? done(${text}) : setTimeout(look, 20); look(); })`) };
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

	// phone makes the window as wide as that of a phone, and dark.
	async phone() {
		await call('Emulation.setDeviceMetricsOverride', { width: 360, height: 740, deviceScaleFactor: 2, mobile: true });
		await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
	},

	async press({ key }) {
		for (const type of ['keyDown', 'keyUp']) await call('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: { Tab: 9 }[key] });
	},
};

await serve(operations);
browser?.kill('SIGKILL');
process.exit(0);
