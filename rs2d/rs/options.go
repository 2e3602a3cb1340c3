package rs

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Variant is a family of codes: how shapes map to points of the field, and which
// shard sizes are allowed.
type Variant int

const (
	// Leopard gives the bytes of catid/leopard and of klauspost/reedsolomon with
	// WithLeopardGF16(true). Shard sizes are multiples of 64 bytes.
	Leopard Variant = iota
	// RS2 is the code of Walrus (reed-solomon-simd 3). Shards have any even size.
	RS2
)

// String returns the name of the constant.
func (v Variant) String() string {
	switch v {
	case Leopard:
		return "Leopard"
	case RS2:
		return "RS2"
	}
	return fmt.Sprintf("Variant(%d)", int(v))
}

// Option is a choice made when a codec is built.
type Option func(*options)

type options struct {
	variant Variant
	backend string
	workers int
	stream  streamOptions
}

// WithVariant chooses the family of codes. The default is [Leopard].
func WithVariant(v Variant) Option { return func(o *options) { o.variant = v } }

// WithBackend chooses the instruction set, one of those that gf.Backends lists. The default is
// the one in the environment variable REDSTUFF_CPU, or else the best.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithWorkers sets how many goroutines the calls of a codec keep busy at a time: one
// call uses them all, many at once have one each. After a call they look for the next
// one for 200 µs, the first 50 of them without giving way to other goroutines, because
// to wake them may take as long. The default, 0, stands for as many as there are usable
// CPUs.
func WithWorkers(n int) Option { return func(o *options) { o.workers = n } }

// newOptions returns the options that a caller chose, or an error that matches ErrOption.
func newOptions(opts []Option) (o options, err error) {
	for i, opt := range opts {
		if opt == nil {
			return o, fmt.Errorf("%w: option %d is a nil Option", ErrOption, i)
		}
		opt(&o)
	}
	if o.variant != Leopard && o.variant != RS2 {
		return o, fmt.Errorf("%w: unknown variant %d; want Leopard or RS2", ErrOption, int(o.variant))
	}
	if o.workers < 0 {
		return o, fmt.Errorf("%w: %d workers; want 0 (all CPUs) or more", ErrOption, o.workers)
	}
	return o, nil
}

// rate returns the rule by which the variant chooses its rate.
func (v Variant) rate() rscode.Rate {
	if v == RS2 {
		return rscode.Smaller
	}
	return rscode.High
}

// sizeMultiple returns what the size of a shard must be a multiple of.
func (v Variant) sizeMultiple() int {
	if v == RS2 {
		return 2
	}
	return 64
}
