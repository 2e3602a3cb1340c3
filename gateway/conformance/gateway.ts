// Calls all operations of the gateway, as a program does that has a generated client: what is sent
// is checked against the document when it is compiled, and what comes back while it runs.
import { good, reason, want } from '../answers';
import type * as SDK from './generated/sdk.gen';

export async function drive(sdk: typeof SDK): Promise<void> {
	const text = 'a blob of some length', raw = { parseAs: 'text' } as const;
	const body = new Blob([text]);

	want('status', good('status', await sdk.getStatus()), 'OK');
	if (!String(good('API', await sdk.getApi(raw))).includes('/v1/blobs')) throw new Error('the page does not name /v1/blobs');
	const cluster = good('cluster', await sdk.getCluster());
	want('members', cluster.members.length, 4);

	const stored = good('put', await sdk.putBlob({ body, query: { epochs: 2, permanent: true } }));
	if (!('newlyCreated' in stored)) throw new Error(`put: ${JSON.stringify(stored)}, want it newly created`);
	const { blobId: blob_id, id: object_id, size } = stored.newlyCreated.blobObject;
	want('size', size, text.length);
	const again = good('put again', await sdk.putBlob({ body }));
	if (!('alreadyCertified' in again)) throw new Error(`put again: ${JSON.stringify(again)}, want it certified already`);
	want('put again', again.alreadyCertified.blobId, blob_id);
	want('contradiction', reason(await sdk.putBlob({ body, query: { permanent: true, deletable: true } })), '400 INVALID_BLOB_PERSISTENCE');

	const path = { blob_id };
	want('get', good('get', await sdk.getBlob({ path, ...raw })), text);
	want('strict', good('strict', await sdk.getBlob({ path, query: { strict_consistency_check: true }, ...raw })), text);
	const part = await sdk.getBlob({ path, headers: { Range: 'bytes=2-5' }, ...raw });
	want('range', [good('range', part), part.response?.status], ['blob', 206]);
	want('beyond', reason(await sdk.getBlob({ path, headers: { Range: 'bytes=2-99' } })), '416 INVALID_BYTE_RANGE');
	want('no blob', reason(await sdk.getBlob({ path: { blob_id: 'A'.repeat(43) } })), '404 BLOB_NOT_FOUND');
	want('byte range', good('byte range', await sdk.getByteRange({ path, query: { start: 2, length: 4 }, ...raw })), 'blob');
	want('by object', good('by object', await sdk.getBlobByObject({ path: { object_id }, ...raw })), text);
	want('stream', good('stream', await sdk.streamBlob({ path, ...raw })), text);
	want('concat', good('concat', await sdk.concatBlobs({ query: { ids: `${blob_id},${object_id}` }, ...raw })), text + text);
	want('listed', good('listed', await sdk.concatListedBlobs({ body: { ids: [blob_id, blob_id] }, ...raw })), text + text);

	const quilt = good('put a quilt', await sdk.putQuilt({ body: {
		a: new Blob(['bytes of a']), 'b/c d': new Blob(['B']), _metadata: new Blob([JSON.stringify([{ identifier: 'a', tags: { 'content-type': 'text/a' } }])]),
	}, query: { epochs: 1 } }));
	const of = quilt.blobStoreResult;
	if (!('newlyCreated' in of)) throw new Error(`put a quilt: ${JSON.stringify(quilt)}`);
	const inQuilt = { blob_id: of.newlyCreated.blobObject.blobId };
	want('files', quilt.storedQuiltBlobs.map((f) => f.identifier), ['a', 'b/c d']);
	const patches = good('patches', await sdk.getPatches({ path: inQuilt }));
	want('patches', patches, quilt.storedQuiltBlobs.map((f, i) => ({ identifier: f.identifier, patch_id: f.quiltPatchId, tags: i ? {} : { 'content-type': 'text/a' } })));
	want('patch', good('patch', await sdk.getPatch({ path: { patch_id: patches[0].patch_id }, ...raw })), 'bytes of a');
	want('file', good('file', await sdk.getFile({ path: { ...inQuilt, identifier: 'b/c d' }, ...raw })), 'B');
	want('no file', reason(await sdk.getFile({ path: { ...inQuilt, identifier: 'B' } })), '404 QUILT_PATCH_NOT_FOUND');

	want('tip', good('tip', await sdk.getTipConfig()), 'no_tip');
	const relayed = good('relay', await sdk.relayBlob({ body, query: { blob_id } }));
	want('certificate', good('certificate', await sdk.putCertificate({ path, body: relayed.confirmation_certificate })), { blobId: blob_id });
	want('another blob', reason(await sdk.relayBlob({ body, query: { blob_id: 'A'.repeat(43) } })), '400 BLOB_ID_MISMATCH');
}
