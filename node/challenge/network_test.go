package challenge_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/rs2d"
)

var schedules = flag.Int("schedules", 80, "random schedules of TestRandomSchedules for each size")

// matrix is a blob, all of whose symbols there are. Shard i has pair i.
type matrix struct {
	code *rs2d.Code
	blob *rs2d.Encoding
	rows [][][]byte // expanded
}

func newMatrix(t testing.TB, n, length int, rng *rand.Rand) *matrix {
	code, err := rs2d.New(n, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, length)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	m := &matrix{code: code}
	if m.blob, err = code.Encode(data); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		expanded, err := code.Expand(m.blob.Primary(i))
		if err != nil {
			t.Fatal(err)
		}
		var row [][]byte
		for s := m.blob.SymbolSize(); len(expanded) > 0; expanded = expanded[s:] {
			row = append(row, expanded[:s])
		}
		m.rows = append(m.rows, row)
	}
	return m
}

// column returns the number of the secondary sliver of a shard.
func (m *matrix) column(shard int) int { return len(m.rows) - 1 - shard }

// honestRows are the rows of an honest prover: Rows of the package.
type honestRows []*matrix

func (h honestRows) Symbol(c challenge.Cell) ([]byte, error) {
	m := h[c.Blob]
	return m.rows[c.Row][m.column(c.Column)], nil
}

func (h honestRows) Prove(c challenge.Cell) ([]byte, commit.Proof, error) {
	m := h[c.Blob]
	prover, err := m.code.NewProver(m.blob.Primary(c.Row))
	if err != nil {
		return nil, nil, err
	}
	s := prover.Symbol(m.column(c.Column))
	return s.Data, s.Proof, nil
}

// ownColumns are those of a verifier: Columns of the package. Its own cells of some blobs
// may be wrong, and of others be missing.
type ownColumns struct {
	honestRows
	wrong, missing map[int]bool
}

var errNoSliver = errors.New("no sliver")

func (o ownColumns) Symbol(c challenge.Cell) ([]byte, error) {
	symbol, err := o.honestRows.Symbol(c)
	if o.missing[c.Blob] {
		return nil, errNoSliver
	}
	if o.wrong[c.Blob] {
		symbol = bytes.Clone(symbol)
		symbol[0] ^= 1
	}
	return symbol, err
}

func (o ownColumns) Verify(c challenge.Cell, symbol []byte, path commit.Proof) (bool, error) {
	m := o.honestRows[c.Blob]
	err := m.code.VerifySymbol(m.blob.Metadata(), rs2d.Symbol{
		Row: c.Row, Col: m.column(c.Column), Data: symbol, Proof: path, ProofAxis: rs2d.Primary,
	})
	return err == nil, nil
}

func gridOf(blobs []*matrix, rows, columns []int) challenge.Grid {
	return challenge.Grid{Blobs: len(blobs), Size: func(i int) int { return blobs[i].blob.SymbolSize() }, Rows: rows, Columns: columns}
}

// onWire has a message go over the wire.
func onWire[M challenge.Message](t testing.TB, m M) M {
	t.Helper()
	got, err := challenge.ParseMessage(challenge.MarshalMessage(m))
	if err != nil {
		t.Fatal(err)
	}
	return got.(M)
}

// prove has a prover show a verifier all there is, until it is done or refuses.
func prove(t testing.TB, p *challenge.Prover, v *challenge.Verifier) error {
	t.Helper()
	for {
		w := onWire(t, v.Want())
		if v.Done() {
			return nil
		}
		for _, place := range w.Wrong {
			proof, err := p.Prove(place)
			if err != nil {
				return err
			}
			if err := v.Proof(onWire(t, proof)); err != nil {
				return err
			}
		}
		if err := p.Resume(w); err != nil {
			return err
		}
		m, more, err := p.Next()
		if err != nil {
			return err
		}
		if !more {
			continue
		}
		if err := v.Symbols(onWire(t, m)); err != nil && !errors.Is(err, challenge.ErrProofsFirst) {
			return err
		}
	}
}

// honestMember is an honest member with one shard, as the random adversary meets it.
type honestMember struct {
	shard    int
	gate     *challenge.Gate
	verifier *challenge.Verifier // of the cheater
	sent     bool                // its ack is on its way
	fetched  bool
	signed   bool
}

// cheater plays one round with real symbols in a random order. Its member owns shard 0, its
// coalition shards 0 to f-1.
type cheater struct {
	t       testing.TB
	rng     *rand.Rand
	params  commit.Params
	target  *matrix
	honest  []*honestMember
	ledger  *challenge.Challenge
	round   challenge.Round
	columns map[int]bool // shards whose symbol of the row it knows
}

// electorate is that of members with one shard each, numbered by them.
func electorate(p commit.Params) challenge.Electorate {
	return challenge.Electorate{Quorum: p.N - p.F, All: p.N, Weight: func(m int) int { return min(1, max(0, p.N-m)) }}
}

func newCheater(t testing.TB, m *matrix, keeps int, rng *rand.Rand) *cheater {
	p := m.code.Params()
	x := &cheater{t: t, rng: rng, params: p, target: m, columns: make(map[int]bool)}
	x.ledger = challenge.Arm([32]byte{1}, 4, 99)
	x.round = x.ledger.Round
	blobs := []*matrix{m}
	for i := range p.N {
		if i < p.F {
			x.columns[i] = true
			continue
		}
		x.honest = append(x.honest, &honestMember{
			shard: i, gate: challenge.NewGate([32]byte{1}),
			verifier: challenge.NewVerifier(gridOf(blobs, []int{0}, []int{i}), ownColumns{honestRows: blobs}),
		})
	}
	for _, i := range rng.Perm(len(x.honest))[:keeps] {
		x.columns[x.honest[i].shard] = true
	}
	return x
}

// symbol returns the cheater's symbol for a column: the right one if it can have it.
func (x *cheater) symbol(shard int) (symbol []byte, right bool) {
	if x.columns[shard] {
		return x.target.rows[0][x.target.column(shard)], true
	}
	if len(x.columns) < x.params.S {
		return make([]byte, x.target.blob.SymbolSize()), false
	}
	var symbols []rs2d.Symbol
	for i := range x.columns {
		symbols = append(symbols, rs2d.Symbol{Row: 0, Col: x.target.column(i), Data: x.target.rows[0][x.target.column(i)]})
	}
	row, err := x.target.code.Recover(x.target.blob.Metadata(), rs2d.SliverRef{Axis: rs2d.Primary, Index: 0}, symbols)
	if err != nil {
		x.t.Fatal(err)
	}
	expanded, err := x.target.code.Expand(row)
	if err != nil {
		x.t.Fatal(err)
	}
	n := x.target.blob.SymbolSize()
	return expanded[x.target.column(shard)*n:][:n], true
}

// step does one thing of all that can be done.
func (x *cheater) step() {
	h := x.honest[x.rng.IntN(len(x.honest))]
	all := func(commit.BlobID) bool { return true }
	stage, acked := h.gate.Stage()
	electorate := electorate(x.params)
	switch x.rng.IntN(7) {
	case 0: // it hears of the ledger
		switch {
		case x.ledger.Stage == challenge.Armed && stage == challenge.Closed:
			h.gate.Arm(x.ledger.Height)
		case x.ledger.Stage == challenge.Running && stage != challenge.Running:
			h.gate.Start(x.ledger.Round, all)
		case x.ledger.Stage == challenge.Closed:
			h.gate.Close()
		}
	case 1: // it falls silent
		if h.gate.Ack(all) == nil {
			h.sent = true
		}
	case 2: // somebody's ack comes to the ledger
		member := h.shard
		if x.rng.IntN(3) == 0 {
			member = x.rng.IntN(x.params.F)
		} else if !h.sent {
			return
		}
		if enough, err := x.ledger.Ack(electorate, challenge.Ack{Member: uint16(member)}); err == nil && enough != nil {
			if err := x.ledger.Start(challenge.List{Blobs: 1}, challenge.Seed{7}, 1); err != nil {
				x.t.Fatal(err)
			}
			x.round = x.ledger.Round
		}
	case 3: // the cheater reads a column
		silent := 0
		for _, h := range x.honest {
			if h.sent {
				silent++
			}
		}
		seedKnown := x.ledger.Stage != challenge.Armed || silent+x.params.F >= x.params.N-x.params.F
		if seedKnown && h.gate.Serves(x.target.blob.ID(), challenge.Column) {
			h.fetched, x.columns[h.shard] = true, true
		}
	case 4: // the cheater shows its symbol, or what it has instead
		if h.gate.Check(x.round) != nil || h.verifier.Done() {
			return
		}
		symbol, right := x.symbol(h.shard)
		if !right && x.rng.IntN(2) == 0 {
			return // a wrong symbol is for good
		}
		x.show(h, symbol, right)
	case 5: // an honest member passes
		if acked || stage == challenge.Running {
			x.ledger.Pass(electorate, h.shard)
		}
	case 6: // one of the coalition passes, or the time is over
		if x.ledger.Stage == challenge.Running && x.rng.IntN(2*x.params.N) == 0 {
			x.ledger.Close()
		}
		if x.params.F > 1 {
			x.ledger.Pass(electorate, 1+x.rng.IntN(x.params.F-1))
		}
	}
}

// show sends a symbol, and, if it was wrong, a proof of something else.
func (x *cheater) show(h *honestMember, symbol []byte, right bool) {
	if len(h.verifier.Want().Wrong) == 0 {
		if err := h.verifier.Symbols(onWire(x.t, challenge.Symbols{Data: symbol})); err != nil {
			return
		}
	} else if err := h.verifier.Symbols(onWire(x.t, challenge.Symbols{Data: symbol})); err == nil {
		x.t.Fatal("a symbol was taken again without a proof")
	}
	if !h.verifier.Done() {
		other := 1 + x.rng.IntN(x.params.N-1)
		proofs := honestRows{x.target}
		c := challenge.Cell{Row: 0, Column: h.shard}
		if right = right && x.rng.IntN(2) == 0; !right {
			c = challenge.Cell{Row: other, Column: h.shard}
		}
		s, path, err := proofs.Prove(c)
		if err != nil {
			x.t.Fatal(err)
		}
		if x.rng.IntN(4) == 0 {
			s = symbol // the path of another one
		}
		h.verifier.Proof(onWire(x.t, challenge.Proof{Symbol: s, Path: path}))
	}
	if h.verifier.Done() {
		h.signed = true
	}
}

// cheated reports whether the ledger takes the cheater's certificate.
func (x *cheater) cheated() bool {
	signatures := x.params.F
	for _, h := range x.honest {
		if h.signed {
			signatures++
		}
	}
	return signatures >= x.params.N-x.params.F && x.ledger.Pass(electorate(x.params), 0) == nil
}

// TestRandomSchedules plays rounds with real symbols, in random orders. With one symbol less
// kept than it takes the cheater never has a certificate; with more, it has one in some.
func TestRandomSchedules(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		t.Run(fmt.Sprint(n, " shards"), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(n), 15))
			m := newMatrix(t, n, 600, rng)
			play := func(keeps int) (cheated int) {
				for range *schedules {
					x := newCheater(t, m, keeps, rng)
					for range 60 * n {
						x.step()
						if x.cheated() {
							cheated++
							break
						}
					}
				}
				return cheated
			}
			p := m.code.Params()
			takes := p.N - 3*p.F
			if cheated := play(takes - 1); cheated > 0 {
				t.Errorf("%d symbols kept: the cheater has a certificate in %d of %d rounds", takes-1, cheated, *schedules)
			}
			cheated := play(takes + p.F)
			if cheated == 0 {
				t.Errorf("%d symbols kept: no certificate in any of %d rounds, and there are such orders", takes+p.F, *schedules)
			}
			t.Logf("%d symbols kept: 0 of %d rounds; %d kept: %d", takes-1, *schedules, takes+p.F, cheated)
		})
	}
}
