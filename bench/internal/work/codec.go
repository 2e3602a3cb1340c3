package work

import (
	"fmt"
	"runtime"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// Shape is the shape of a one-dimensional code.
type Shape struct{ Data, Parity int }

func (s Shape) String() string { return fmt.Sprintf("%d+%d", s.Data, s.Parity) }

// Total returns the number of all shards.
func (s Shape) Total() int { return s.Data + s.Parity }

// Codec is what is measured of a one-dimensional code.
type Codec interface {
	Encode(shards [][]byte) error
	ReconstructData(shards [][]byte) error
}

// Engine makes codecs.
type Engine struct {
	Name string
	New  func(s Shape, cores int) (Codec, error)
	// Any says that shards may have any even size, and not only multiples of 64.
	Any bool
	// Own says that its parity is its own: other engines cannot decode it.
	Own bool
	// Slow says that large shards take it long.
	Slow bool
}

// Redstuff is this project's codec, with klauspost's bytes, on the best backend.
var Redstuff = redstuff("redstuff", "", rs.Leopard)

// RS2 is this project's codec for shards of any even size.
var RS2 = redstuff("redstuff-rs2", "", rs.RS2)

// Klauspost is klauspost/reedsolomon, on one core whatever is asked for.
var Klauspost = Engine{Name: "klauspost", New: func(s Shape, _ int) (Codec, error) {
	return peer.NewKlauspost(s.Data, s.Parity)
}}

// KlauspostSmall is klauspost/reedsolomon over GF(2^8), its default for at most
// SmallField shards, on one core whatever is asked for.
var KlauspostSmall = Engine{Name: "klauspost-gf8", Own: true, New: func(s Shape, _ int) (Codec, error) {
	return peer.NewKlauspostSmall(s.Data, s.Parity)
}}

// SmallField is the most shards that a code over GF(2^8) can have.
const SmallField = 256

// KlauspostSplit is klauspost's codec with the shards cut into ranges of a size,
// zero standing for one range a core.
func KlauspostSplit(piece int) Engine {
	name := "klauspost-split"
	if piece > 0 {
		name = fmt.Sprintf("klauspost-split-%dK", piece>>10)
	}
	return Engine{Name: name, New: func(s Shape, cores int) (Codec, error) {
		encoder, err := peer.NewKlauspost(s.Data, s.Parity)
		return &peer.Split{Encoder: encoder, Data: s.Data, Workers: Cores(cores), Piece: piece}, err
	}}
}

// Backends lists this project's codec on each backend of this CPU but the best,
// which is Redstuff.
func Backends() []Engine {
	var engines []Engine
	for _, name := range gf.Backends()[1:] {
		e := redstuff("redstuff-"+name, name, rs.Leopard)
		e.Slow = true
		engines = append(engines, e)
	}
	return engines
}

// OnBackend is this project's codec on a backend.
func OnBackend(backend string) Engine { return redstuff("redstuff-"+backend, backend, rs.Leopard) }

func redstuff(name, backend string, variant rs.Variant) Engine {
	return Engine{Name: name, Any: variant == rs.RS2, New: func(s Shape, cores int) (Codec, error) {
		return rs.New(s.Data, s.Parity, rs.WithVariant(variant), rs.WithBackend(backend), rs.WithWorkers(cores))
	}}
}

// Cores returns n, or the number of usable cores if n is 0.
func Cores(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}
