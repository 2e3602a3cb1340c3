// Package peer puts other engines behind the faces that the measurements use, and
// keeps what is known about engines that cannot run here.
package peer

import (
	"sync"

	"github.com/klauspost/reedsolomon"
)

// NewKlauspost returns klauspost's Leopard code over GF(2^16).
func NewKlauspost(data, parity int) (reedsolomon.Encoder, error) {
	return reedsolomon.New(data, parity, reedsolomon.WithLeopardGF16(true), reedsolomon.WithMaxGoroutines(1))
}

// NewKlauspostSmall returns klauspost's default for at most 256 shards, over GF(2^8).
func NewKlauspostSmall(data, parity int) (reedsolomon.Encoder, error) {
	return reedsolomon.New(data, parity, reedsolomon.WithMaxGoroutines(1))
}

// Split runs klauspost's codec on several cores. Its Leopard codes heed none of its
// goroutine options and run on the caller's goroutine, so this does what a user who
// wants all cores has to: cut the shards into ranges, and give each worker some.
type Split struct {
	Encoder reedsolomon.Encoder
	Data    int // the number of data shards
	Workers int
	// Piece is the size of a range in bytes, a multiple of 64. Zero stands for an
	// equal share for every worker.
	Piece int
}

// Encode computes the parity shards.
func (s *Split) Encode(shards [][]byte) error {
	return s.each(shards, s.Encoder.Encode)
}

// ReconstructData restores the data shards that have length zero, in the memory
// that their capacity holds, which must suffice.
func (s *Split) ReconstructData(shards [][]byte) error {
	if err := s.each(shards, s.Encoder.ReconstructData); err != nil {
		return err
	}
	size := shardSize(shards)
	for i := range s.Data {
		shards[i] = shards[i][:size]
	}
	return nil
}

func (s *Split) each(shards [][]byte, do func([][]byte) error) error {
	size := shardSize(shards)
	piece := s.Piece
	if piece == 0 {
		piece = (size/s.Workers + 63) &^ 63
	}
	pieces := (size + piece - 1) / piece
	errs := make([]error, min(s.Workers, pieces))
	var group sync.WaitGroup
	for w := range errs {
		group.Go(func() {
			part := make([][]byte, len(shards))
			for p := w; p < pieces && errs[w] == nil; p += len(errs) {
				from, to := p*piece, min(size, (p+1)*piece)
				for i, shard := range shards {
					if len(shard) == 0 {
						part[i] = shard[:to][from:from:to]
					} else {
						part[i] = shard[from:to:to]
					}
				}
				errs[w] = do(part)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func shardSize(shards [][]byte) int {
	for _, shard := range shards {
		if len(shard) > 0 {
			return len(shard)
		}
	}
	return 0
}
