// A client that is generated from the gateway's OpenAPI document, one request at a time (see
// requests.mjs). The client is generated, and checked with what uses it (calls.ts), on every run.
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import ts from 'typescript';
import { serve } from './requests.mjs';

const dir = await mkdtemp(join(tmpdir(), 'client-'));
await symlink(resolve('node_modules'), join(dir, 'node_modules'));

// compile checks the program's types, and writes it as JavaScript.
function compile(file) {
	const program = ts.createProgram([file], {
		strict: true, noEmitOnError: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
		target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10,
	});
	const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
	if (found.length) throw new Error(ts.formatDiagnostics(found, { getCanonicalFileName: (f) => f, getCurrentDirectory: () => dir, getNewLine: () => '\n' }));
}

const operations = {
	// drive generates the client of the API at a URL, has it go through all operations, and names
	// those that it has called.
	async drive({ url }) {
		const document = await (await fetch(`${url}/v1/api`, { headers: { Accept: 'application/json' } })).json();
		await writeFile(join(dir, 'openapi.json'), JSON.stringify(document));
		await writeFile(join(dir, 'package.json'), '{"type": "commonjs"}');
		await createClient({
			input: join(dir, 'openapi.json'), output: { path: join(dir, 'generated') }, logs: { level: 'silent' },
			plugins: ['@hey-api/client-fetch', 'zod', { name: '@hey-api/sdk', validator: { response: 'zod' } }],
		});
		await copyFile('calls.ts', join(dir, 'calls.ts'));
		compile(join(dir, 'calls.ts'));
		const require = createRequire(join(dir, 'calls.js'));
		const called = new Set();
		const sdk = Object.fromEntries(Object.entries(require('./generated/sdk.gen')).map(([name, call]) =>
			[name, (options) => (called.add(name), call(options))]));
		require('./generated/client.gen').client.setConfig({ baseUrl: url });
		await require('./calls').drive(sdk);
		const missing = Object.keys(sdk).filter((name) => !called.has(name));
		return { called: called.size, missing };
	},
};

await serve(operations);
await rm(dir, { recursive: true });
