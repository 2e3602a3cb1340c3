// Calls all operations of a node's face, as a program does that has a generated client: what is
// sent is checked against the document when it is compiled, and what comes back while it runs.
import { type Answer, good, reason, want } from '../answers';
import type * as SDK from './generated/sdk.gen';

// A blob that is sent, all of whose slivers of a node are here; bytes are in base64.
type Blobs = { id: string; metadata: string; slivers: { pair: number; primary: string; secondary: string }[] };

const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export async function drive(sdk: typeof SDK, { id: blob_id, metadata, slivers }: Blobs): Promise<void> {
	const path = { blob_id }, raw = { parseAs: 'arrayBuffer' } as const;
	const read = async (what: string, answer: Promise<Answer<unknown>>) => new Uint8Array(good(what, await answer) as ArrayBuffer);

	if (!String(good('API', await sdk.getApi({ parseAs: 'text' }))).includes('/v1/blobs')) throw new Error('the page does not name /v1/blobs');
	const health = good('health', await sdk.getHealth({ query: { detailed: true } })).success.data;
	want('shards', health.shardDetail?.owned.length, health.shardSummary.owned);
	want('no blob', good('no blob', await sdk.getBlobStatus({ path })).success.data, 'nonexistent');
	want('no metadata', reason(await sdk.getMetadata({ path, ...raw })), '404 METADATA_NOT_FOUND');

	const put = (data: string) => ({ body: new Blob([bytes(data)]), bodySerializer: null } as const);
	want('metadata', good('metadata', await sdk.putMetadata({ path, ...put(metadata) })).success, { code: 201, data: 'metadata successfully stored' });
	want('metadata again', good('metadata again', await sdk.putMetadata({ path, query: { pending: true }, ...put(metadata) })).success.code, 200);
	want('metadata status', good('metadata status', await sdk.getMetadataStatus({ path })).success.data, 'stored');
	want('metadata read', (await read('metadata read', sdk.getMetadata({ path, ...raw }))).length, 32 + bytes(metadata).length);
	want('too early', reason(await sdk.getPermanentConfirmation({ path })), '400 MISSING_SLIVERS');
	for (const sliver of slivers) {
		for (const axis of ['primary', 'secondary'] as const) {
			const at = { path: { blob_id, pair: sliver.pair, axis } };
			want('sliver', good('sliver', await sdk.putSliver({ ...at, ...put(sliver[axis]) })).success.data, 'sliver stored successfully');
			want('sliver status', good('sliver status', await sdk.getSliverStatus(at)).success.data, 'stored');
			want('sliver read', [...await read('sliver read', sdk.getSliver({ ...at, ...raw }))], [...bytes(sliver[axis])]);
		}
	}
	const signed = good('confirmation', await sdk.getPermanentConfirmation({ path, query: { wait_for_registration: true } })).success.data.signed;
	want('message', bytes(signed.serializedMessage).length, 40);
	const deletable = good('deletable', await sdk.getDeletableConfirmation({ path: { blob_id, object_id: '0x' + '1'.repeat(64) } }));
	want('deletable', bytes(deletable.success.data.signed.serializedMessage).length, 72);

	const symbols = await read('symbols', sdk.getRecoverySymbols({ path, query: { targetSliver: 0, targetType: 'primary' }, ...raw }));
	want('symbols', symbols[0], slivers.length);
	want('no symbols', reason(await sdk.getRecoverySymbols({ path, query: { id: ['9999-1', '1-9999'] }, ...raw })), '400 INDEX_OUT_OF_RANGE');
	want('decoding', (await read('decoding', sdk.getDecodingSymbols({ path, query: { targetSlivers: [0, 1], targetType: 'primary' }, ...raw })))[0], 2);
	want('proof', reason(await sdk.postInconsistencyProof({ path: { blob_id, axis: 'primary' }, ...put('AAAA') })), '400 INVALID_PROOF');
	want('sync', (await sdk.syncShard({ ...put('AAAA'), ...raw })).response?.status, 401);
}
