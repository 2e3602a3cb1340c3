package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ReadError reports that the nodes that answered have not enough of a blob. It wraps
// ErrUnavailable and what they answered.
type ReadError struct {
	Have, Need int // right slivers
	Errors     []*MemberError
}

func (e *ReadError) Error() string {
	s := fmt.Sprintf("client: %d right slivers of %d that it takes", e.Have, e.Need)
	if len(e.Errors) > 0 {
		s += "; " + e.Errors[0].Error()
	}
	return s
}

// Unwrap returns ErrUnavailable and what nodes answered.
func (e *ReadError) Unwrap() []error {
	errs := []error{ErrUnavailable}
	for _, m := range e.Errors {
		errs = append(errs, m)
	}
	return errs
}

// Read returns the blob. Its bytes are those that have the id, whatever the nodes say.
//
// The error is ErrNotFound, ErrInconsistent, ErrTooLarge, a *ReadError or *QuorumError,
// or the context's.
func (c *Client) Read(ctx context.Context, id commit.BlobID) ([]byte, error) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	meta, err := c.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.readAll(ctx, id, meta)
}

func (c *Client) readAll(ctx context.Context, id commit.BlobID, meta *commit.Metadata) ([]byte, error) {
	params := c.committee.Params()
	size, err := params.SymbolSize(meta.Length)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	row := uint64(params.S * size)
	// Slivers, and the blob that comes of them.
	release, err := c.reserve(ctx, 2*int64(params.P)*int64(row))
	if err != nil {
		return nil, err
	}
	defer release()
	// Rows past the blob's end are zero: the code knows them.
	live := int((meta.Length + row - 1) / row)
	g := c.newGather(id, meta, size, live)
	for i := range params.N {
		if i < live || i >= params.P {
			g.candidates = append(g.candidates, i)
		}
	}
	var blob []byte
	err = g.run(ctx, func(slivers []rs2d.Sliver) error {
		if c.options.Check == rs2d.CheckNone {
			// Nothing else would find a wrong sliver.
			if err := errors.Join(c.code.VerifySlivers(meta, slivers)...); err != nil {
				return err
			}
		}
		blob, err = c.code.Decode(meta, slivers, c.options.Check)
		return err
	})
	return blob, c.explain(ctx, id, meta, err)
}

// ReadRange returns n bytes of the blob from off on, from the slivers that hold them,
// if their nodes answer; and else from the whole blob. It makes sure of as much as a
// systematic check does.
//
// The error is a *rs2d.RangeError for a range that is not within the blob, or one of
// those of Read.
func (c *Client) ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error) {
	ctx, cancel := c.within(ctx)
	defer cancel()
	meta, err := c.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	refs, err := c.code.RangeSlivers(meta, off, n)
	if err != nil {
		return nil, err
	}
	params := c.committee.Params()
	size, err := params.SymbolSize(meta.Length)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	release, err := c.reserve(ctx, 2*int64(len(refs))*int64(params.S*size))
	if err != nil {
		return nil, err
	}
	g := c.newGather(id, meta, size, len(refs))
	for _, ref := range refs {
		g.candidates = append(g.candidates, ref.Index)
	}
	var data []byte
	err = g.run(ctx, func(slivers []rs2d.Sliver) error {
		data, err = c.code.ReadRange(meta, slivers, off, n)
		return err
	})
	release()
	if err == nil || ctx.Err() != nil {
		return data, err
	}
	blob, err := c.readAll(ctx, id, meta)
	if err != nil {
		return nil, err
	}
	return slices.Clone(blob[off:][:n]), nil
}

// gather collects primary slivers of one blob until what is made of them succeeds.
// Its fields belong to one goroutine.
type gather struct {
	c          *Client
	id         commit.BlobID
	meta       *commit.Metadata
	sliverSize int
	need       int   // slivers
	candidates []int // rows to ask for, the best first once run sorts them

	waiting  map[int]int // row being asked for: the member asked
	late     map[int]bool
	got      []rs2d.Sliver
	verified map[int]bool // rows whose sliver was found right
	errors   []*MemberError
	events   chan event
}

// event is a sliver that has come, or the end of a request.
type event struct {
	member int
	sliver rs2d.Sliver
	end    bool
	rows   []int // of the request, at its end
	err    error
}

func (c *Client) newGather(id commit.BlobID, meta *commit.Metadata, size, need int) *gather {
	return &gather{
		c: c, id: id, meta: meta, sliverSize: c.committee.Params().S * size, need: need,
		waiting: make(map[int]int), late: make(map[int]bool), verified: make(map[int]bool),
	}
}

// rank sorts the candidates: rows of nodes in good standing first, and of these such
// as hold the blob itself. Among parity rows, chance spreads the load.
func (g *gather) rank() {
	p := g.c.committee.Params()
	rand.Shuffle(len(g.candidates), func(i, j int) {
		g.candidates[i], g.candidates[j] = g.candidates[j], g.candidates[i]
	})
	rank := func(row int) int {
		r := 2 * int(g.c.peers[g.c.committee.OwnerOfPair(g.id, row)].Standing())
		if row >= p.P {
			r++
		}
		return r
	}
	ranks := make(map[int]int, len(g.candidates))
	for _, row := range g.candidates {
		ranks[row] = rank(row)
	}
	slices.SortFunc(g.candidates, func(a, b int) int {
		if ranks[a] != ranks[b] {
			return ranks[a] - ranks[b]
		}
		if a < p.P && b < p.P {
			return a - b
		}
		return 0
	})
}

// run asks for slivers until make succeeds with those that have come. Slivers that it
// fails with are verified; the wrong ones are dropped, and replaced by others.
func (g *gather) run(ctx context.Context, use func([]rs2d.Sliver) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	g.events = make(chan event)
	g.rank()
	hedge := time.NewTimer(g.c.options.HedgeAfter)
	defer hedge.Stop()
	for {
		if len(g.got) >= g.need {
			err := use(g.got)
			if err == nil || !g.dropWrong(err) {
				return err
			}
			continue
		}
		g.ask(ctx, &requests)
		if len(g.waiting) == 0 {
			return &ReadError{Have: len(g.got), Need: g.need, Errors: g.errors}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hedge.C:
			// Nothing has moved: what is being waited for does not count any more.
			for row := range g.waiting {
				g.late[row] = true
			}
			hedge.Reset(g.c.options.HedgeAfter)
		case e := <-g.events:
			g.take(e)
			hedge.Reset(g.c.options.HedgeAfter)
		}
	}
}

// ask asks for as many slivers as are lacking, and not being waited for in time: one
// request a node.
func (g *gather) ask(ctx context.Context, requests *sync.WaitGroup) {
	lacking := g.need - len(g.got)
	for row := range g.waiting {
		if !g.late[row] {
			lacking--
		}
	}
	if lacking <= 0 || len(g.candidates) == 0 {
		return
	}
	byMember := make(map[int][]int)
	for _, row := range g.candidates[:min(lacking, len(g.candidates))] {
		member := g.c.committee.OwnerOfPair(g.id, row)
		byMember[member] = append(byMember[member], row)
		g.waiting[row] = member
	}
	g.candidates = g.candidates[min(lacking, len(g.candidates)):]
	sizes := [2]int{g.sliverSize, 0}
	for member, rows := range byMember {
		slices.Sort(rows)
		requests.Go(func() {
			err := g.c.peers[member].Slivers(ctx, g.id, rows, nil, sizes, func(s rs2d.Sliver) error {
				return g.send(ctx, event{member: member, sliver: s})
			})
			_ = g.send(ctx, event{member: member, end: true, rows: rows, err: err})
		})
	}
}

func (g *gather) send(ctx context.Context, e event) error {
	select {
	case g.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take notes what has come.
func (g *gather) take(e event) {
	p := g.c.peers[e.member]
	if !e.end {
		delete(g.waiting, e.sliver.Index)
		g.got = append(g.got, e.sliver)
		return
	}
	missing := 0
	for _, row := range e.rows {
		if member, ok := g.waiting[row]; ok && member == e.member {
			delete(g.waiting, row)
			missing++
		}
	}
	err := e.err
	if err == nil && missing > 0 {
		err = fmt.Errorf("%d slivers are not there", missing)
	}
	if err == nil {
		return
	}
	g.errors = append(g.errors, &MemberError{p.Name(), err})
	switch {
	case errors.Is(err, peer.ErrLied):
		p.Distrust()
	case e.err != nil && !errors.Is(err, peer.ErrNotFound) && !errors.Is(err, peer.ErrInconsistent):
		p.Fail()
	}
}

// dropWrong verifies the slivers with which err came. It reports whether any was
// wrong; if none was, err is about the blob.
func (g *gather) dropWrong(err error) bool {
	var check []rs2d.Sliver
	for _, s := range g.got {
		if !g.verified[s.Index] {
			check = append(check, s)
		}
	}
	wrong := make(map[int]bool)
	for i, err := range g.c.code.VerifySlivers(g.meta, check) {
		row := check[i].Index
		if g.verified[row] = err == nil; err == nil {
			continue
		}
		wrong[row] = true
		p := g.c.peers[g.c.committee.OwnerOfPair(g.id, row)]
		p.Distrust()
		g.c.log.Warn("wrong sliver", "node", p.Name(), "blob", g.id, "row", row)
		g.errors = append(g.errors, &MemberError{p.Name(), err})
	}
	g.got = slices.DeleteFunc(g.got, func(s rs2d.Sliver) bool { return wrong[s.Index] })
	if len(wrong) > 0 {
		g.rank() // the liar's other slivers come last now
	}
	return len(wrong) > 0
}

// Metadata returns the metadata of a blob, verified against the id. The error is
// ErrNotFound, a *QuorumError, or the context's.
func (c *Client) Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error) {
	if meta, ok := c.metadata.Load(id); ok {
		return meta.(*commit.Metadata), nil
	}
	ctx, cancel := c.within(ctx)
	defer cancel()
	type answer struct {
		member int
		meta   *commit.Metadata
		err    error
	}
	answers := make(chan answer, len(c.peers))
	order := rand.Perm(len(c.peers))
	slices.SortStableFunc(order, func(a, b int) int { return int(c.peers[a].Standing() - c.peers[b].Standing()) })
	ask := func() {
		if len(order) == 0 {
			return
		}
		member := order[0]
		order = order[1:]
		go func() {
			meta, err := c.peers[member].Metadata(ctx, id, c.hasher)
			answers <- answer{member, meta, err}
		}()
	}
	ask()
	hedge := time.NewTicker(c.options.HedgeAfter)
	defer hedge.Stop()
	quorum := &QuorumError{Need: c.committee.Quorum(committee.Stored)}
	for open := len(c.peers); open > 0; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-hedge.C:
			ask()
		case a := <-answers:
			open--
			if a.err == nil {
				c.remember(id, a.meta)
				return a.meta, nil
			}
			if errors.Is(a.err, peer.ErrLied) {
				c.peers[a.member].Distrust()
			}
			quorum.Errors = append(quorum.Errors, &MemberError{c.peers[a.member].Name(), a.err})
			if errors.Is(a.err, peer.ErrNotFound) {
				// Of the owners of any n-f shards, one at least is honest and among those
				// that made a certificate, if there is one.
				if quorum.Have += c.committee.Weight(a.member); quorum.Have >= quorum.Need {
					return nil, ErrNotFound
				}
			}
			ask()
		}
	}
	return nil, quorum
}

// explain says why a blob could not be read. If it is inconsistent, the committee is
// told.
func (c *Client) explain(ctx context.Context, id commit.BlobID, meta *commit.Metadata, err error) error {
	var inconsistent *rs2d.InconsistentError
	if errors.As(err, &inconsistent) {
		raw, e := inconsistent.Proof.MarshalBinary()
		if e == nil {
			_, e = peer.Convict(ctx, c.committee, c.peers, meta, id, raw, nil)
		}
		if e != nil {
			c.log.Warn("committee not convinced of an inconsistency", "blob", id, "error", e)
		}
		return fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	var read *ReadError
	if errors.As(err, &read) {
		for _, e := range read.Errors {
			if errors.Is(e, peer.ErrInconsistent) {
				return c.condemned(ctx, id, err)
			}
		}
	}
	return err
}

// condemned returns ErrInconsistent if a node shows the certificate that the blob is,
// and err if none does.
func (c *Client) condemned(ctx context.Context, id commit.BlobID, err error) error {
	for _, p := range c.peers {
		if _, e := p.Verdict(ctx, id); e == nil {
			return ErrInconsistent
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}
