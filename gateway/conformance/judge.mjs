// Walrus's encoder and quilts, one request at a time (see requests.mjs).
import { encodeQuilt } from '@mysten/walrus';
import { BlobEncoder } from '@mysten/walrus-wasm';
import { bytes, serve, text } from './requests.mjs';

// sliverBytes returns the length of BCS SliverData with so many bytes of symbols.
function sliverBytes(data) {
	let uleb = 1;
	for (let rest = data >> 7; rest !== 0; rest >>= 7) uleb++;
	return uleb + data + 2 + 2;
}

const operations = {
	// encode returns the blob id and all slivers as BCS SliverData, by pairs.
	encode({ shards, data, primary, secondary }) {
		const buffers = (length) => Array.from({ length: shards }, () => new Uint8Array(sliverBytes(length)));
		const [primaries, secondaries] = [buffers(primary), buffers(secondary)];
		const [metadata, root] = new BlobEncoder(shards).encode(bytes(data), primaries, secondaries);
		const { hashes, unencoded_length, encoding_type } = metadata.metadata.V1;
		return {
			id: text(metadata.blob_id),
			root: text(root.Digest),
			length: String(unencoded_length),
			encoding: typeof encoding_type === 'string' ? encoding_type : Object.keys(encoding_type)[0],
			hashes: hashes.map((h) => [text(h.primary_hash.Digest), text(h.secondary_hash.Digest)]),
			primary: primaries.map(text),
			secondary: secondaries.map(text),
		};
	},

	// identify computes the blob id without slivers.
	identify({ shards, data }) {
		const [id, root] = new BlobEncoder(shards).compute_metadata(bytes(data));
		return { id: text(id), root: text(root.Digest) };
	},

	// decode returns the blob of primary slivers in BCS.
	decode({ shards, id, length, slivers }) {
		const out = new Uint8Array(length);
		new BlobEncoder(shards).decode(bytes(id), BigInt(length), slivers.map(bytes), out);
		return { data: text(out) };
	},

	// quilt returns the blob of a quilt, and where its patches are.
	quilt({ shards, files }) {
		const blobs = files.map((f) => ({ contents: bytes(f.data), identifier: f.identifier, tags: f.tags ?? {} }));
		const { quilt, index } = encodeQuilt({ blobs, numShards: shards });
		const patches = index.patches.map((p) => ({ identifier: p.identifier, start: p.startIndex, end: p.endIndex }));
		return { data: text(quilt), patches };
	},
};

await serve(operations);
