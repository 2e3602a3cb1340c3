// Package rsmt2dcodec lets celestiaorg/rsmt2d squares be extended and repaired by
// rs2d/rs: pass [New]() where a program passes rsmt2d.NewLeoRSCodec().
package rsmt2dcodec

import (
	"fmt"
	"slices"
	"sync"

	"github.com/celestiaorg/rsmt2d"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// maxSmall is the largest original width whose rows rsmt2d codes over GF(2^8), which
// rs2d/rs does not have.
const maxSmall = 128

// maxWidth is the largest original width: twice as many points are all of GF(2^16).
const maxWidth = 1 << 15

// Codec is an rsmt2d.Codec whose shares are those of rsmt2d's own, to the bit. Rows and
// columns of more than 256 shares, extended, are coded by rs2d/rs; smaller ones are
// left to rsmt2d. It is safe for concurrent use.
type Codec struct {
	small  *rsmt2d.LeoRSCodec
	opts   []rs.Option
	mu     sync.Mutex
	codecs map[int]*rs.Codec // by original width; squares come in few
}

var _ rsmt2d.Codec = (*Codec)(nil)

// New returns the codec. A square is extended on all CPUs by rsmt2d, row by row, so that
// each row uses one, unless opts say otherwise by rs.WithWorkers.
func New(opts ...rs.Option) *Codec {
	return &Codec{
		small:  rsmt2d.NewLeoRSCodec(),
		opts:   append([]rs.Option{rs.WithWorkers(1)}, opts...),
		codecs: make(map[int]*rs.Codec),
	}
}

// codec returns the one for rows of the original width.
func (c *Codec) codec(width int) (*rs.Codec, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if codec, ok := c.codecs[width]; ok {
		return codec, nil
	}
	codec, err := rs.New(width, width, c.opts...)
	if err != nil {
		return nil, err
	}
	c.codecs[width] = codec
	return codec, nil
}

// Encode returns the parity shares of a row, in memory of their own.
func (c *Codec) Encode(data [][]byte) ([][]byte, error) {
	width := len(data)
	if width <= maxSmall {
		return c.small.Encode(data)
	}
	codec, err := c.codec(width)
	if err != nil {
		return nil, err
	}
	size := len(data[0])
	memory := make([]byte, width*size)
	shares := append(make([][]byte, 0, 2*width), data...)
	for i := range width {
		shares = append(shares, memory[i*size:][:size:size])
	}
	if err := codec.Encode(shares); err != nil {
		return nil, err
	}
	return shares[width:], nil
}

// Decode fills in the shares of a row that are nil, original and parity, and returns
// data. If it fails, data is as it was.
func (c *Codec) Decode(data [][]byte) ([][]byte, error) {
	width := len(data) / 2
	if width <= maxSmall {
		return c.small.Decode(data)
	}
	codec, err := c.codec(width)
	if err != nil {
		return nil, err
	}
	// The shares to come get memory in one piece, rather than one by one.
	size, missing := 0, 0
	for _, share := range data {
		size = max(size, len(share))
		if len(share) == 0 {
			missing++
		}
	}
	memory := make([]byte, missing*size)
	shares := slices.Clone(data)
	for i, share := range shares {
		if len(share) == 0 {
			shares[i], memory = memory[:0:size], memory[size:]
		}
	}
	if err := codec.Reconstruct(shares); err != nil {
		return data, err
	}
	copy(data, shares)
	return data, nil
}

// MaxChunks returns the largest number of shares in an original square.
func (c *Codec) MaxChunks() int { return maxWidth * maxWidth }

// Name returns rsmt2d's name for the code, which it finds a codec by when it reads a
// square as JSON.
func (c *Codec) Name() string { return rsmt2d.Leopard }

// ValidateChunkSize returns an error unless shares may have the size.
func (c *Codec) ValidateChunkSize(size int) error {
	if size%64 != 0 {
		return fmt.Errorf("rsmt2dcodec: shares of %d bytes; want a multiple of 64", size)
	}
	return nil
}
