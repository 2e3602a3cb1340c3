package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// reading is an operation that reads one blob.
type reading struct {
	operation
	id   commit.BlobID
	meta *commit.Metadata
	size int // of a symbol

	check rs2d.Check
}

// read begins to read a blob, with its metadata.
func (o operation) read(ctx context.Context, id commit.BlobID) (*reading, error) {
	began := time.Now()
	meta, err := o.fetchMetadata(ctx, id)
	if err != nil {
		return nil, err
	}
	trace(ctx, StepMetadata, began)
	size, err := o.view.Params().SymbolSize(meta.Length)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &reading{operation: o, id: id, meta: meta, size: size, check: o.options.Check}, nil
}

// sliverSize returns how many bytes slivers of an axis have.
func (r *reading) sliverSize(axis rs2d.Axis) int {
	if axis == rs2d.Secondary {
		return r.view.Params().P * r.size
	}
	return r.view.Params().S * r.size
}

// slivers asks a node for slivers of an axis by their indices, see [peer.Peer.Slivers].
func (r *reading) slivers(ctx context.Context, p *peer.Peer, axis rs2d.Axis, indices []int, buffer func(rs2d.SliverRef) []byte, f func(rs2d.Sliver) error) error {
	var pairs, sizes = [2][]int{}, [2]int{}
	for _, i := range indices {
		pairs[axis] = append(pairs[axis], rs2d.SliverRef{Axis: axis, Index: i}.Pair(r.view.Params().N))
	}
	sizes[axis] = r.sliverSize(axis)
	return p.Slivers(ctx, r.id, pairs[rs2d.Primary], pairs[rs2d.Secondary], sizes, buffer, f)
}

// byColumns reports whether members give columns only, because they are challenged.
func (r *reading) byColumns() bool { return r.view.Epochs.Challenged }

// all returns the blob.
func (r *reading) all(ctx context.Context) ([]byte, error) {
	params := r.view.Params()
	row := uint64(params.S * r.size)
	// Slivers, and the blob that comes of them.
	memory, err := r.memory.reserve(ctx, 2*int64(params.P)*int64(row))
	if err != nil {
		return nil, err
	}
	defer memory.release()
	// Rows past the blob's end are zero: the code knows them.
	live := int((r.meta.Length + row - 1) / row)
	var candidates []int
	for i := range params.N {
		if i < live || i >= params.P {
			candidates = append(candidates, i)
		}
	}
	g := newGather(r, rs2d.Primary, live, candidates, false)
	if r.byColumns() {
		candidates = candidates[:0]
		for i := range params.N {
			candidates = append(candidates, i)
		}
		g = newGather(r, rs2d.Secondary, params.S, candidates, false)
	} else if !slices.ContainsFunc(g.candidates[:live], func(row int) bool { return row >= live }) {
		// Nothing needs to be decoded, if all goes well: let the slivers be the blob.
		g.rows = make([]byte, live*g.sliverSize)
	}
	var blob []byte
	began := time.Now()
	err = g.run(ctx, func(slivers []rs2d.Sliver) error {
		trace(ctx, StepSlivers, began)
		began = time.Now()
		var step Step
		blob, step, err = r.assemble(slivers, g.rows)
		trace(ctx, step, began)
		began = time.Now() // if that was not enough
		return err
	})
	return blob, r.explain(ctx, err)
}

// assemble makes a blob of as many slivers as it takes. rows is empty, or those of
// the blob's own rows that came are in their place in it. The step is what it took.
func (r *reading) assemble(slivers []rs2d.Sliver, rows []byte) ([]byte, Step, error) {
	if r.check == rs2d.CheckNone {
		// Nothing else would find a wrong sliver.
		if err := errors.Join(r.code.VerifySlivers(r.meta, slivers)...); err != nil {
			return nil, StepCheck, err
		}
	}
	own := !slices.ContainsFunc(slivers, func(s rs2d.Sliver) bool { return s.Index*len(s.Data) >= len(rows) })
	if own && r.code.CheckRows(r.meta, rows, r.check) == nil {
		return rows[:r.meta.Length:r.meta.Length], StepCheck, nil
	}
	blob, err := r.code.Decode(r.meta, slivers, r.check)
	return blob, StepDecode, err
}

// part returns a range of the blob.
func (r *reading) part(ctx context.Context, off, n uint64) ([]byte, error) {
	refs, err := rs2d.RangeSlivers(r.meta, off, n)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return []byte{}, nil
	}
	whole := 2 * uint64(r.view.Params().P) * uint64(r.view.Params().S*r.size)
	large := whole > uint64(min(wholeBytes, r.options.MaxMemory))
	data, err := r.rows(ctx, refs, off, n, large)
	var inconsistent *rs2d.InconsistentError
	switch {
	case errors.As(err, &inconsistent):
		return nil, r.explain(ctx, err)
	case err == nil || errors.Is(err, ErrInconsistent) || ctx.Err() != nil:
		return data, err
	case large:
		return recoverPart(ctx, r, off, n)
	}
	blob, err := r.all(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(blob[off:][:n]), nil
}

// fewRows is how many rows of a blob that fits into memory are recovered one by one, rather
// than to read all of it.
const fewRows = 2

// errRows is returned when a range is better cut from the whole blob.
var errRows = errors.New("client: many rows of the blob are missing")

// rows reads a range from the slivers that hold it. It recovers those that are missing rather
// than to wait for a node that is late, but gives up if these are many and the blob is not
// large.
func (r *reading) rows(ctx context.Context, refs []rs2d.SliverRef, off, n uint64, large bool) ([]byte, error) {
	size := r.view.Params().S * r.size
	memory, err := r.memory.reserve(ctx, 2*int64(len(refs))*int64(size))
	if err != nil {
		return nil, err
	}
	defer memory.release()
	candidates, missing := r.split(refs)
	first, rows := refs[0].Index, make([]byte, len(refs)*size)
	if large || len(missing) <= fewRows {
		var late []int
		if late, err = r.fetch(ctx, candidates, first, rows, true); err != nil {
			return nil, err
		}
		missing = append(missing, late...)
	}
	if !large && len(missing) > fewRows {
		return nil, errRows
	}
	if err := crossAll(ctx, r, missing, first, rows); err != nil {
		return nil, err
	}
	data := rows[off-uint64(first*size):][:n:n]
	if 2*len(data) < len(rows) {
		return slices.Clone(data), nil // rather than to keep whole slivers
	}
	return data, nil
}

// split divides rows into those of nodes that may answer in time, and others.
func (r *reading) split(refs []rs2d.SliverRef) (candidates, slow []int) {
	for _, ref := range refs {
		if r.byColumns() || r.slow(ref.Index) {
			slow = append(slow, ref.Index)
		} else {
			candidates = append(candidates, ref.Index)
		}
	}
	return candidates, slow
}

// fetch fills rows, from the first on, with slivers from the nodes that have them, verifies
// these, and returns which are missing. In haste it gives up rather than to wait for a node that is
// late. The error is ErrInconsistent.
func (r *reading) fetch(ctx context.Context, candidates []int, first int, rows []byte, haste bool) (missing []int, err error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	g := newGather(r, rs2d.Primary, len(candidates), slices.Clone(candidates), haste)
	g.first, g.rows = first, rows
	err = g.run(ctx, func(slivers []rs2d.Sliver) error { return errors.Join(r.code.VerifySlivers(r.meta, slivers)...) })
	if err == nil || errors.Is(err, ErrInconsistent) {
		return nil, err
	}
	g.dropWrong()
	return slices.DeleteFunc(candidates, func(row int) bool {
		return slices.ContainsFunc(g.got, func(s rs2d.Sliver) bool { return s.Index == row })
	}), nil
}

// explain says why a blob could not be read. If it is inconsistent, the committee is
// told.
func (r *reading) explain(ctx context.Context, err error) error {
	var inconsistent *rs2d.InconsistentError
	if errors.As(err, &inconsistent) {
		raw, e := inconsistent.Proof.MarshalBinary()
		if e == nil {
			e = r.tell(ctx, raw)
		}
		if e != nil {
			r.log.Warn("committee not convinced of an inconsistency", "blob", r.id, "error", e)
		}
		return fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	var read *ReadError
	if errors.As(err, &read) {
		for _, e := range read.Errors {
			if errors.Is(e, peer.ErrInconsistent) {
				return r.orInvalid(ctx, r.id, err)
			}
		}
	}
	return err
}

// tell tells the committee of a proof that the blob is inconsistent. What nodes sign counts for
// the committee of their epoch: if that is not the reader's any more, they are told again.
func (r *reading) tell(ctx context.Context, proof []byte) error {
	for view := r.view; ; {
		_, err := invalid.Certify(ctx, view, r.meta, r.id, proof, nil)
		if err == nil || refresh(ctx, r.Client) != nil {
			return err
		}
		now := r.Client.view()
		if now.Epoch() == view.Epoch() {
			return err
		}
		view = now
	}
}

// orInvalid returns ErrInconsistent if a node shows the certificate that the blob is,
// and err if none does.
func (o operation) orInvalid(ctx context.Context, id commit.BlobID, err error) error {
	if _, e := invalid.Find(ctx, o.view, id); e == nil {
		return ErrInconsistent
	}
	return err
}

// slow reports whether a read that takes the row would probably have to wait for its node.
func (r *reading) slow(row int) bool {
	h := r.view.All[r.view.Holder(r.id, row, 0)].ObservedHealth()
	return h == peer.Slow || h == peer.Failing
}
