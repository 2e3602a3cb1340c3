package commit

// The limits of RedStuff.
const (
	// MinShards is the least number of shards: with fewer, f = 0 and there is nothing
	// to recover from.
	MinShards = 4
	// MaxShards is the largest number of shards: with more, the code along the rows
	// runs out of points of GF(2^16). The formats, which have 16 bits for a number of
	// shards, would have room for more.
	MaxShards = 49155
	// MaxSymbol is the largest symbol in bytes, the largest even number of 16 bits.
	MaxSymbol = 65534
)

// Params are the numbers of RedStuff that follow from the number of shards.
// The message matrix of a blob has P rows of S symbols.
type Params struct {
	N int // shards
	F int // shards that may be faulty, floor((N-1)/3)
	P int // primary source symbols, N-2F: rows of the matrix, symbols in a secondary sliver
	S int // secondary source symbols, N-F: columns of the matrix, symbols in a primary sliver
}

// NewParams returns the parameters of a code of n shards, [MinShards] to [MaxShards]. The
// error is a *ShardCountError.
func NewParams(n int) (Params, error) {
	if n < MinShards || n > MaxShards {
		return Params{}, &ShardCountError{Shards: n}
	}
	f := (n - 1) / 3
	return Params{N: n, F: f, P: n - 2*f, S: n - f}, nil
}

// cells returns the number of symbols in the message matrix.
func (p Params) cells() uint64 { return uint64(p.P) * uint64(p.S) }

// MaxBlob returns the length in bytes of the longest blob the code can hold.
func (p Params) MaxBlob() uint64 { return p.cells() * MaxSymbol }

// SymbolSize returns the number of bytes in a symbol of a blob of length bytes:
// the smallest even number that lets the matrix hold it, and 2 for an empty
// blob. The error is a *TooLargeError.
func (p Params) SymbolSize(length uint64) (int, error) {
	if limit := p.MaxBlob(); length > limit {
		return 0, &TooLargeError{Length: length, Max: limit}
	}
	// Adding cells-1 cannot overflow: length is below 2^46 now.
	size := (max(length, 1) + p.cells() - 1) / p.cells()
	return int(size + size&1), nil
}

// EncodedLength returns the bytes that a blob of length bytes takes over all
// shards, by Walrus's definition: the slivers, and on every shard the metadata,
// counted as 64 bytes a shard and a 32-byte blob id. The error is a
// *TooLargeError.
func (p Params) EncodedLength(length uint64) (uint64, error) {
	size, err := p.SymbolSize(length)
	if err != nil {
		return 0, err
	}
	n := uint64(p.N)
	metadata := n * (2*HashSize*n + HashSize)
	slivers := n * uint64(p.P+p.S) * uint64(size)
	return metadata + slivers, nil
}
