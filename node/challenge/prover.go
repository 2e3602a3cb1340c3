package challenge

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/committee"
)

// Prover shows one member the symbols of another's rows. It holds one message at a time.
type Prover struct {
	grid Grid
	rows Rows
	next uint64
}

// NewProver returns a prover of the grid, all of whose rows there are.
func NewProver(grid Grid, rows Rows) *Prover { return &Prover{grid: grid, rows: rows} }

// Next returns the next symbols, as many as fit into a message, or false if all have been
// sent. An error is that of Rows; what precedes it is sent first.
func (p *Prover) Next() (Symbols, bool, error) {
	m := Symbols{At: p.next, Data: make([]byte, 0, p.grid.room(p.next))}
	for p.next < p.grid.Cells() {
		c := p.grid.At(p.next)
		if len(m.Data) > 0 && len(m.Data)+p.grid.Size(c.Blob) > MaxData {
			break
		}
		symbol, err := p.rows.Symbol(c)
		if err != nil {
			if len(m.Data) > 0 {
				break
			}
			return Symbols{}, false, fmt.Errorf("challenge: symbol of blob %d of the round, row of shard %d: %w", c.Blob, c.Row, err)
		}
		m.Data = append(m.Data, symbol...)
		p.next++
	}
	return m, len(m.Data) > 0, nil
}

// Resume goes on where the verifier wants it. The error is ErrMessage if there is no such
// place, or it is behind what was sent to it: an honest one has no use for that.
func (p *Prover) Resume(w Want) error {
	if w.Next > p.grid.Cells() || len(w.Wrong) > MaxWrong {
		return fmt.Errorf("%w: %d places wrong, symbol %d wanted of %d", ErrMessage, len(w.Wrong), w.Next, p.grid.Cells())
	}
	p.next = w.Next
	return nil
}

// Prove returns a symbol with its proof. The error is ErrMessage if there is no such place,
// or that of Rows.
func (p *Prover) Prove(place uint64) (Proof, error) {
	if place >= p.grid.Cells() {
		return Proof{}, fmt.Errorf("%w: there is no place %d of %d", ErrMessage, place, p.grid.Cells())
	}
	symbol, path, err := p.rows.Prove(p.grid.At(place))
	if err != nil {
		return Proof{}, fmt.Errorf("challenge: proof of place %d: %w", place, err)
	}
	return Proof{At: place, Symbol: slices.Clone(symbol), Path: path}, nil
}

// Collector gathers the signatures of a pass until they are enough.
type Collector struct {
	committee  *committee.Committee
	pass       committee.Attestation
	signatures map[int]committee.Signature
	weight     int
}

// NewCollector returns a collector for the pass of a member of the committee.
func NewCollector(c *committee.Committee, r Round, prover int) *Collector {
	return &Collector{c, r.Pass(c.Member(prover).PublicKey), make(map[int]committee.Signature), 0}
}

// Add takes a member's signature. It returns the certificate when members of n-f shards have
// signed, and nil before. The error is committee.ErrSignature if it is not that member's.
func (k *Collector) Add(member int, s committee.Signature) (*committee.Certificate, error) {
	if err := k.committee.VerifyAttestation(member, k.pass, s); err != nil {
		return nil, err
	}
	if _, twice := k.signatures[member]; !twice {
		k.signatures[member] = s
		k.weight += k.committee.Weight(member)
	}
	if k.weight < k.committee.Quorum(committee.ChallengePass) {
		return nil, nil
	}
	return k.committee.Certify(k.pass, k.signatures)
}
