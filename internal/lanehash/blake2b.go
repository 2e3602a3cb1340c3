package lanehash

// Blake2b-256 (RFC 7693, unkeyed, 32-byte digest) over one byte and a message:
// the byte separates Walrus's domains. Where symbols arrive in pieces it is the
// byte that did not fit the block before.

const (
	blake2bBlockSize = 128

	walrusLeaf = 0x00 // before a symbol, and before a leaf of the metadata tree
	walrusNode = 0x01 // before an inner node; the blob id's encoding type is the same byte
)

var blake2bIV = [8]uint64{
	0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
	0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
}

// blake2bStart is the state before the first block: the initial value and a
// parameter block of digest length 32, no key, fanout 1, depth 1.
var blake2bStart = [8]uint64{
	blake2bIV[0] ^ 0x01010020, blake2bIV[1], blake2bIV[2], blake2bIV[3],
	blake2bIV[4], blake2bIV[5], blake2bIV[6], blake2bIV[7],
}

// blake2bJob is what all messages of one kernel call share.
//
// States and leads lie in groups of as many messages as the kernel has lanes:
// a group's state is word 0 of every lane, then word 1, and so on. Lanes of the
// last group without a message hold the state and the lead of the last message.
type blake2bJob struct {
	lead   uint64   // the byte before every message, where leads is nil
	leads  []uint64 // the byte before message i
	state  []uint64 // the state to go on from, nil to start; written back unless last
	offset uint64   // bytes of the stream compressed before
	last   bool     // the messages end here: write digests to dst
}

// blake2bDigests hashes count messages of size bytes behind the byte lead.
func blake2bDigests(k *kernels, dst []byte, dstStride int, src []byte, srcStride, size, count int, lead byte) {
	job := blake2bJob{lead: uint64(lead), last: true}
	k.blake2bRuns(dst, dstStride, src, nil, srcStride, size, count, &job)
}
