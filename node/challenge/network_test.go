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

// Exempt is of challenge.Columns: no blob is inconsistent.
func (o ownColumns) Exempt(int) bool { return false }

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
	return proveBy(t, p, v, 1) // as nodes do
}

// proveBy is prove with so many proofs at once.
func proveBy(t testing.TB, p *challenge.Prover, v *challenge.Verifier, atOnce int) error {
	t.Helper()
	for {
		w := onWire(t, v.Want())
		if v.Done() {
			return nil
		}
		for _, wrong := range w.Wrong[:min(atOnce, len(w.Wrong))] {
			proof, err := p.Prove(wrong)
			if err != nil {
				return err
			}
			if err := v.Proof(onWire(t, proof)); err != nil {
				return err
			}
		}
		if len(w.Wrong) > 0 {
			continue
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

// honestMember is an honest member, as the random adversary meets it.
type honestMember struct {
	number   int
	shards   []int
	gate     *challenge.Gate
	verifier *challenge.Verifier // of the cheater
	sent     bool                // its ack is on its way
	signed   bool
}

// cheater plays one round with real symbols in a random order. It is member 0, and the first
// ones are its coalition, which own so many shards.
type cheater struct {
	t         testing.TB
	rng       *rand.Rand
	params    commit.Params
	target    *matrix
	weights   []int // of members
	rows      []int // shards of the cheater
	coalition []int // members
	corrupt   int   // shards
	honest    []*honestMember
	ledger    *challenge.Challenge
	round     challenge.Round
	columns   map[int]bool // shards whose symbols of the rows it knows
}

// newCheater deals the shards to members of any weights, up to f of them to the coalition.
func newCheater(t testing.TB, m *matrix, rng *rand.Rand) *cheater {
	p := m.code.Params()
	x := &cheater{t: t, rng: rng, params: p, target: m, columns: make(map[int]bool)}
	x.ledger = challenge.Arm([32]byte{1}, 4, 99)
	x.round = x.ledger.Round
	deal, heavy := rng.Perm(p.N), rng.IntN(2) == 0
	for corrupt := 1 + rng.IntN(p.F); len(deal) > 0; {
		most := len(deal)
		if len(x.honest) == 0 && x.corrupt < corrupt {
			most = corrupt - x.corrupt
		}
		count := 1
		if heavy {
			count += rng.IntN(min(most, 1+p.F))
		}
		shards := deal[:min(count, most)]
		deal = deal[len(shards):]
		number := len(x.weights)
		x.weights = append(x.weights, len(shards))
		if x.corrupt < corrupt && len(x.honest) == 0 {
			x.corrupt += len(shards)
			x.coalition = append(x.coalition, number)
			for _, shard := range shards {
				x.columns[shard] = true
			}
			if number == 0 {
				x.rows = shards
			}
			continue
		}
		blobs := []*matrix{m}
		x.honest = append(x.honest, &honestMember{
			number: number, shards: shards, gate: challenge.NewGate([32]byte{1}),
			verifier: challenge.NewVerifier(gridOf(blobs, x.rows, shards), ownColumns{honestRows: blobs}),
		})
	}
	return x
}

// keep has the cheater keep the symbols of its rows in so many columns of others.
func (x *cheater) keep(columns int) {
	for _, shard := range x.rng.Perm(x.params.N) {
		if columns > 0 && !x.columns[shard] {
			x.columns[shard] = true
			columns--
		}
	}
}

// takes returns how many symbols it takes to have a certificate.
func (x *cheater) takes() int { return x.params.N - 2*x.params.F - x.corrupt }

func (x *cheater) electorate() challenge.Electorate {
	return challenge.Electorate{Quorum: x.params.N - x.params.F, All: x.params.N, Weight: func(m int) int {
		if m < len(x.weights) {
			return x.weights[m]
		}
		return 0
	}}
}

// symbols returns what the cheater shows a member: the right symbols, where it can have them.
func (x *cheater) symbols(h *honestMember) (data []byte, right bool) {
	size := x.target.blob.SymbolSize()
	right = true
	for _, i := range x.rows {
		var whole []byte // the row, if it can be restored
		if len(x.columns) >= x.params.S {
			whole = x.restore(i)
		}
		for _, shard := range h.shards {
			column := x.target.column(shard)
			switch {
			case x.columns[shard]:
				data = append(data, x.target.rows[i][column]...)
			case whole != nil:
				data = append(data, whole[column*size:][:size]...)
			default:
				data, right = append(data, make([]byte, size)...), false
			}
		}
	}
	return data, right
}

// restore returns a row from the symbols in the columns that the cheater knows.
func (x *cheater) restore(row int) []byte {
	var symbols []rs2d.Symbol
	for i := range x.columns {
		symbols = append(symbols, rs2d.Symbol{Row: row, Col: x.target.column(i), Data: x.target.rows[row][x.target.column(i)]})
	}
	sliver, err := x.target.code.Recover(x.target.blob.Metadata(), rs2d.SliverRef{Axis: rs2d.Primary, Index: row}, symbols)
	if err != nil {
		x.t.Fatal(err)
	}
	expanded, err := x.target.code.Expand(sliver)
	if err != nil {
		x.t.Fatal(err)
	}
	return expanded
}

// step does one thing of all that can be done.
func (x *cheater) step() {
	h := x.honest[x.rng.IntN(len(x.honest))]
	all := func(commit.BlobID) bool { return true }
	stage, acked := h.gate.Stage()
	electorate := x.electorate()
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
		member := h.number
		if x.rng.IntN(3) == 0 {
			member = x.coalition[x.rng.IntN(len(x.coalition))]
		} else if !h.sent {
			return
		}
		if enough, err := x.ledger.Ack(electorate, challenge.Ack{Member: uint16(member)}); err == nil && enough != nil {
			if err := x.ledger.Start(challenge.List{Blobs: 1}, challenge.Seed{7}, 1); err != nil {
				x.t.Fatal(err)
			}
			x.round = x.ledger.Round
		}
	case 3: // the cheater reads columns
		silent := x.corrupt
		for _, h := range x.honest {
			if h.sent {
				silent += len(h.shards)
			}
		}
		seedKnown := x.ledger.Stage != challenge.Armed || silent >= electorate.Quorum
		if seedKnown && h.gate.Serves(x.target.blob.ID(), challenge.Column) {
			for _, shard := range h.shards {
				x.columns[shard] = true
			}
		}
	case 4: // the cheater shows its symbols, or what it has instead
		if h.gate.Check(x.round) != nil || h.verifier.Done() {
			return
		}
		symbols, right := x.symbols(h)
		if !right && x.rng.IntN(2) == 0 {
			return // a wrong symbol is for good
		}
		x.show(h, symbols, right)
	case 5: // an honest member passes
		if acked || stage == challenge.Running {
			x.ledger.Pass(electorate, h.number)
		}
	case 6: // one of the coalition passes, or the time is over
		if x.ledger.Stage == challenge.Running && x.rng.IntN(2*x.params.N) == 0 {
			x.ledger.Close()
		}
		if member := x.coalition[x.rng.IntN(len(x.coalition))]; member != 0 {
			x.ledger.Pass(electorate, member)
		}
	}
}

// show sends symbols, and, of one that was wrong, a proof of something else.
func (x *cheater) show(h *honestMember, symbols []byte, right bool) {
	first := len(h.verifier.Want().Wrong) == 0
	if err := h.verifier.Symbols(onWire(x.t, challenge.Symbols{Data: symbols})); first != (err == nil) && !errors.Is(err, challenge.ErrProof) {
		x.t.Fatalf("symbols, for the first time %v: %v", first, err)
	}
	for _, place := range h.verifier.Want().Wrong {
		c := challenge.Cell{Row: x.rows[int(place)/len(h.shards)], Column: h.shards[int(place)%len(h.shards)]}
		if right = right && x.rng.IntN(2) == 0; !right {
			c.Row = (c.Row + 1 + x.rng.IntN(x.params.N-1)) % x.params.N
		}
		s, path, err := honestRows{x.target}.Prove(c)
		if err != nil {
			x.t.Fatal(err)
		}
		if x.rng.IntN(4) == 0 {
			s = make([]byte, len(s)) // the path of another one
		}
		h.verifier.Proof(onWire(x.t, challenge.Proof{At: place, Symbol: s, Path: path}))
	}
	h.signed = h.signed || h.verifier.Done()
}

// cheated reports whether the ledger takes the cheater's certificate. Each member's
// signature counts its own shards, once.
func (x *cheater) cheated() bool {
	signatures := x.corrupt
	for _, h := range x.honest {
		if h.signed {
			signatures += len(h.shards)
		}
	}
	return signatures >= x.params.N-x.params.F && x.ledger.Pass(x.electorate(), 0) == nil
}

// TestRandomSchedules plays rounds with real symbols, in random orders, among members of any
// weights. With one symbol less kept than it takes the cheater never has a certificate; with
// more, it has one in some.
func TestRandomSchedules(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		t.Run(fmt.Sprint(n, " shards"), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(n), 15))
			m := newMatrix(t, n, 600, rng)
			play := func(more int) (cheated int) {
				for range *schedules {
					x := newCheater(t, m, rng)
					x.keep(x.takes() + more)
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
			if cheated := play(-1); cheated > 0 {
				t.Errorf("one symbol less kept than it takes: the cheater has a certificate in %d of %d rounds", cheated, *schedules)
			}
			more := m.code.Params().F
			cheated := play(more)
			if cheated == 0 {
				t.Errorf("%d more kept: no certificate in any of %d rounds, and there are such orders", more, *schedules)
			}
			t.Logf("one symbol less kept than it takes: 0 of %d rounds; %d more: %d", *schedules, more, cheated)
		})
	}
}
