package peer

import (
	"fmt"
	"sync"

	"github.com/celestiaorg/rsmt2d"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// SquareCodec is this project's codec as rsmt2d's users can plug it in. Squares up
// to width 128 differ from rsmt2d's own in their parity, because that takes GF(2^8)
// for these.
type SquareCodec struct {
	workers int
	codecs  sync.Map // of *rs.Codec, by the number of data shards
}

// NewSquareCodec returns a codec of which each call uses that many goroutines.
func NewSquareCodec(workers int) *SquareCodec { return &SquareCodec{workers: workers} }

var _ rsmt2d.Codec = (*SquareCodec)(nil)

func (c *SquareCodec) codec(data int) (*rs.Codec, error) {
	if codec, ok := c.codecs.Load(data); ok {
		return codec.(*rs.Codec), nil
	}
	codec, err := rs.New(data, data, rs.WithWorkers(c.workers))
	if err != nil {
		return nil, err
	}
	actual, _ := c.codecs.LoadOrStore(data, codec)
	return actual.(*rs.Codec), nil
}

// Encode returns the parity shares of the data shares.
func (c *SquareCodec) Encode(data [][]byte) ([][]byte, error) {
	codec, err := c.codec(len(data))
	if err != nil {
		return nil, err
	}
	size := len(data[0])
	parity := make([]byte, len(data)*size)
	shares := append(make([][]byte, 0, 2*len(data)), data...)
	for i := range data {
		shares = append(shares, parity[i*size:][:size:size])
	}
	return shares[len(data):], codec.Encode(shares)
}

// Decode fills in the shares that are nil.
func (c *SquareCodec) Decode(shares [][]byte) ([][]byte, error) {
	codec, err := c.codec(len(shares) / 2)
	if err != nil {
		return nil, err
	}
	return shares, codec.Reconstruct(shares)
}

// MaxChunks returns the number of shares in the largest square.
func (c *SquareCodec) MaxChunks() int { return 32768 * 32768 }

// Name returns the codec's name.
func (c *SquareCodec) Name() string { return "redstuff" }

// ValidateChunkSize refuses shares that are no multiple of 64 bytes.
func (c *SquareCodec) ValidateChunkSize(size int) error {
	if size <= 0 || size%64 != 0 {
		return fmt.Errorf("share size %d is not a multiple of 64", size)
	}
	return nil
}
