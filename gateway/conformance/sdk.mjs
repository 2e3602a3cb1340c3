// Walrus's SDK as its users have it, before nodes of this project, one request at a time
// (see requests.mjs). Its chain is a stub.
import { WalrusClient } from '@mysten/walrus';
import { Chain, packageConfig } from './chain.mjs';
import { bytes, serve, text } from './requests.mjs';

let chain, client, nodes, token;

async function ask(method, url, body, headers) {
	const answer = await fetch(url, { method, body, headers });
	const said = await answer.text();
	if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${said}`);
	return said;
}

const operations = {
	// open makes a client. register and certify are URLs of those who keep the facts; relay
	// is that of an upload relay, through which it writes if there is one.
	open(request) {
		token = request.token;
		nodes = request.nodes;
		chain = new Chain(
			{ ...request, nodes: nodes.map((n) => ({ ...n, key: bytes(n.key) })) },
			async (blob) => (await ask('POST', request.register, JSON.stringify({ ...blob, root: text(blob.root) }))).trim(),
			({ blobId, object, signers, message, signature }) =>
				ask('PUT', `${request.certify}/v1/blobs/${blobId}/certificate?object=${object}`,
					JSON.stringify({ signers, serialized_message: [...message], signature: text(signature) })),
		);
		// Without a ledger whoever writes has a token, and nodes may speak plain HTTP.
		const own = (url, init) =>
			fetch(request.plain ? String(url).replace('https:', 'http:') : url, { ...init, headers: { ...init?.headers, Authorization: `Bearer ${token}` } });
		client = new WalrusClient({
			packageConfig, suiClient: chain,
			storageNodeClientOptions: token ? { fetch: own } : undefined,
			uploadRelay: request.relay ? { host: request.relay } : undefined,
		});
	},

	async write({ data, epochs, deletable }) {
		const { blobId, blobObject } = await client.writeBlob({ blob: bytes(data), epochs, deletable, signer: chain });
		return { id: blobId, object: blobObject.id.id, certified: blobObject.certified_epoch };
	},

	async read({ id }) {
		return { data: text(await client.readBlob({ blobId: id })) };
	},

	async writeQuilt({ files, epochs, deletable }) {
		const blobs = files.map((f) => ({ contents: bytes(f.data), identifier: f.identifier, tags: f.tags ?? {} }));
		const { blobId, index } = await client.writeQuilt({ blobs, epochs, deletable, signer: chain });
		return { id: blobId, patches: index.patches.map((p) => p.patchId) };
	},

	// readQuilt reads files of a quilt by their identifiers.
	async readQuilt({ id, identifiers }) {
		const blob = await client.getBlob({ blobId: id });
		const files = await blob.files({ identifiers });
		return { files: await Promise.all(files.map(async (f) => ({ data: text(await f.bytes()), identifier: await f.getIdentifier(), tags: await f.getTags() }))) };
	},

	// readPatches reads files of quilts by their ids.
	async readPatches({ ids }) {
		const files = await client.getFiles({ ids });
		return { files: await Promise.all(files.map(async (f) => ({ data: text(await f.bytes()), identifier: await f.getIdentifier(), tags: await f.getTags() }))) };
	},

	async status({ id }) {
		return { status: await client.getVerifiedBlobStatus({ blobId: id }) };
	},

	async metadata({ id }) {
		const { metadata } = await client.getBlobMetadata({ blobId: id });
		return { length: Number(metadata.V1.unencoded_length), hashes: metadata.V1.hashes.length };
	},

	async secondary({ id, index }) {
		return { data: text(await client.getSecondarySliver({ blobId: id, index })) };
	},
};

await serve(operations);
