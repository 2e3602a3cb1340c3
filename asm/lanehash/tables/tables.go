// Package tables holds the constants of BLAKE3 and Blake2b that the generators
// of every architecture share.
package tables

// BLAKE3IV is the first half of BLAKE3's initial value, all that a compression
// needs.
var BLAKE3IV = [4]uint32{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A}

// BLAKE3Permutation gives the order in which a round of BLAKE3 reads the words that the
// round before read in the order 0, 1, …, 15.
var BLAKE3Permutation = [16]int{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8}

// BLAKE3Rounds is the orders in which the seven rounds read the message words.
func BLAKE3Rounds() (rounds [7][16]int) {
	for i := range rounds[0] {
		rounds[0][i] = i
	}
	for r := range rounds[:6] {
		for i, p := range BLAKE3Permutation {
			rounds[r+1][i] = rounds[r][p]
		}
	}
	return rounds
}

// Offsets of the fields of lanehash.blake3Job.
const (
	JobKey     = 0
	JobFlags   = 32
	JobStart   = 36
	JobEnd     = 40
	JobCounter = 44
	JobStep    = 48
)

// Blake2bIV is Blake2b's initial value.
var Blake2bIV = [8]uint64{
	0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
	0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
}

// Blake2bParameters is the first word of the parameter block: digests of 32
// bytes, no key, fanout and depth 1.
const Blake2bParameters = 0x01010020

// sigma gives the order in which a round of Blake2b reads the message words (RFC
// 7693, section 2.7); rounds 10 and 11 repeat rounds 0 and 1.
var sigma = [10][16]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

// Blake2bRounds is the orders in which the twelve rounds read the message words.
func Blake2bRounds() (rounds [12][16]int) {
	for r := range rounds {
		rounds[r] = sigma[r%len(sigma)]
	}
	return rounds
}
