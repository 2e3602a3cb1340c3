// Clients that are generated from the OpenAPI documents of the gateway and of a node's face, one
// request at a time (see requests.mjs). They are generated, and checked with what uses them
// (gateway.ts, node.ts; answers.ts serves both), on every run.
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import ts from 'typescript';
import { serve } from './requests.mjs';

const dir = await mkdtemp(join(tmpdir(), 'client-'));
await symlink(resolve('node_modules'), join(dir, 'node_modules'));

// compile checks the programs' types, and writes them as JavaScript.
function compile(files) {
	const program = ts.createProgram(files, {
		strict: true, noEmitOnError: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
		target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10,
	});
	const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
	if (found.length) throw new Error(ts.formatDiagnostics(found, { getCanonicalFileName: (f) => f, getCurrentDirectory: () => dir, getNewLine: () => '\n' }));
}

// generate writes the client of the API at a URL beside the program that uses it, and returns the
// program's file.
async function generate({ url, calls }) {
	const document = await (await fetch(`${url}/v1/api`, { headers: { Accept: 'application/json' } })).json();
	const at = join(dir, calls);
	await mkdir(at);
	await writeFile(join(at, 'openapi.json'), JSON.stringify(document));
	await createClient({
		input: join(at, 'openapi.json'), output: { path: join(at, 'generated') }, logs: { level: 'silent' },
		plugins: ['@hey-api/client-fetch', 'zod', { name: '@hey-api/sdk', validator: { response: 'zod' } }],
	});
	const program = join(at, 'calls.ts');
	await copyFile(`${calls}.ts`, program);
	return program;
}

const operations = {
	// drive generates the clients of APIs, has each go through all operations, and names those that
	// it has not called.
	async drive({ apis }) {
		await writeFile(join(dir, 'package.json'), '{"type": "commonjs"}');
		await copyFile('answers.ts', join(dir, 'answers.ts'));
		compile(await Promise.all(apis.map(generate)));
		const missing = [];
		let calls = 0;
		for (const api of apis) {
			const require = createRequire(join(dir, api.calls, 'calls.js'));
			const called = new Set();
			const sdk = Object.fromEntries(Object.entries(require('./generated/sdk.gen')).map(([name, call]) =>
				[name, (options) => (called.add(name), call(options))]));
			require('./generated/client.gen').client.setConfig({ baseUrl: api.url, auth: api.token });
			await require('./calls').drive(sdk, api.about);
			missing.push(...Object.keys(sdk).filter((name) => !called.has(name)));
			calls += called.size;
		}
		return { called: calls, missing };
	},
};

await serve(operations);
await rm(dir, { recursive: true });
