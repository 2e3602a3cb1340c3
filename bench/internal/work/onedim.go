package work

import (
	"fmt"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// Encode1D encodes shards of size bytes.
func Encode1D(a *Arena, e Engine, s Shape, size, cores int) (*Op, error) {
	codec, err := e.New(s, cores)
	if err != nil {
		return nil, err
	}
	shards, err := codedShards(a, e, s, size)
	if err != nil {
		return nil, err
	}
	return &Op{
		Bytes: int64(s.Data) * int64(size),
		Run:   func() error { return codec.Encode(shards) },
	}, nil
}

// Loss says what is lost before a decode.
type Loss struct {
	// Name stands in the names of measurements.
	Name string
	// Amount is how many shards are lost.
	Amount Amount
	// Fresh loses other shards in every run, so that nothing prepared for a pattern
	// serves again.
	Fresh bool
}

// Amount is how many shards a loss takes, and of which.
type Amount int

const (
	// Largest takes as many shards as there is parity, of data and parity alike.
	Largest Amount = iota
	// Quarter takes a quarter of the data shards, rounded up, but no more than there
	// is parity.
	Quarter
	// AsParity takes as many data shards as there is parity, or all of them.
	AsParity
	// One takes a single data shard.
	One
)

// of returns how many shards are lost, and how many they are drawn from: the first.
func (a Amount) of(s Shape) (lost, candidates int) {
	switch a {
	case One:
		return 1, s.Data
	case AsParity:
		return min(s.Data, s.Parity), s.Data
	case Quarter:
		return min((s.Data+3)/4, s.Parity), s.Data
	}
	return s.Parity, s.Total()
}

// The losses that are measured.
var (
	LargestNew  = Loss{Name: "largest/pattern=new", Fresh: true}
	LargestSeen = Loss{Name: "largest/pattern=seen"}
	QuarterSeen = Loss{Name: "quarter/pattern=seen", Amount: Quarter}
	ParitySeen  = Loss{Name: "parity/pattern=seen", Amount: AsParity}
	OneNew      = Loss{Name: "one/pattern=new", Amount: One, Fresh: true}
	OneSeen     = Loss{Name: "one/pattern=seen", Amount: One}
)

// Losses lists them.
var Losses = []Loss{LargestNew, LargestSeen, OneNew, OneSeen}

// Decode1D restores the data shards that a loss takes; lost parity stays lost.
//
// The lost shards are a window that moves over a random order of all shards. A new
// pattern costs one step of it, so no time to speak of, and after every round the
// order is drawn anew.
func Decode1D(a *Arena, e Engine, s Shape, size, cores int, loss Loss) (*Op, error) {
	codec, err := e.New(s, cores)
	if err != nil {
		return nil, err
	}
	whole, err := codedShards(a, e, s, size)
	if err != nil {
		return nil, err
	}
	lost, candidates := loss.Amount.of(s)
	random := Random(uint64(size))
	order := random.Perm(candidates)
	shards := make([][]byte, len(whole))
	copy(shards, whole)
	start := 0
	op := &Op{Bytes: int64(s.Data) * int64(size)}
	op.Run = func() error {
		for i := range lost {
			shard := order[(start+i)%candidates]
			shards[shard] = whole[shard][:0]
		}
		err := codec.ReconstructData(shards)
		for i := range lost {
			shard := order[(start+i)%candidates]
			shards[shard] = whole[shard]
		}
		if loss.Fresh {
			if start++; start == candidates {
				start = 0
				random.Shuffle(candidates, func(i, j int) { order[i], order[j] = order[j], order[i] })
			}
		}
		return err
	}
	// Where there are few patterns, or few enough for a codec to remember them all,
	// only a new codec has not seen the next one.
	if loss.Fresh && (loss.Amount == One || s.Total() < 32) {
		op.Period = min(candidates, 128)
		op.Reset = func() (err error) {
			if codec, err = e.New(s, cores); err != nil {
				return err
			}
			start = random.IntN(candidates)
			return op.Run() // a codec's first use makes its work area
		}
	}
	return op, nil
}

// codedShards returns shards with their parity. Operations leave them as they were,
// so those of the last call serve again if the code is the same.
func codedShards(a *Arena, e Engine, s Shape, size int) ([][]byte, error) {
	variant := rs.Leopard // which gives every peer's bytes
	if e.Any {
		variant = rs.RS2
	}
	content := fmt.Sprintf("%v shards of %d bytes, %v", s, size, variant)
	if e.Own {
		content = fmt.Sprintf("%v shards of %d bytes, %s", s, size, e.Name)
	}
	same := a.content == content
	shards := a.Shards(s.Total(), size)
	if same {
		a.content = content
		return shards, nil
	}
	for i, shard := range shards[:s.Data] {
		Fill(shard, byte(i))
	}
	codec, err := reference(e, s, variant)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", content, err)
	}
	if err := codec.Encode(shards); err != nil {
		return nil, fmt.Errorf("%s: %w", content, err)
	}
	a.content = content
	return shards, nil
}

// reference returns a codec that makes the parity which an engine expects.
func reference(e Engine, s Shape, variant rs.Variant) (Codec, error) {
	if e.Own {
		return e.New(s, 1)
	}
	return rs.New(s.Data, s.Parity, rs.WithVariant(variant))
}
