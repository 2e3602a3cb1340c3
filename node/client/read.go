package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ReadError reports that the nodes that answered have not enough of a blob. It wraps
// ErrUnavailable and what they answered.
type ReadError struct {
	Have, Need int // right slivers
	Errors     []*MemberError
	Cause      error // the context's, if that ended; or nil
}

func (e *ReadError) Error() string {
	s := fmt.Sprintf("client: %d right slivers of %d that it takes", e.Have, e.Need)
	if e.Cause != nil {
		s += ", and " + e.Cause.Error()
	}
	return s + peer.Summary(e.Errors)
}

// Unwrap returns ErrUnavailable, what nodes answered, and the cause.
func (e *ReadError) Unwrap() []error { return peer.Wrapped(e.Errors, ErrUnavailable, e.Cause) }

// Read returns the blob. Its bytes are those that have the id, whatever the nodes say.
//
// The error is ErrNotFound, ErrInconsistent, ErrTooLarge, or a *ReadError or
// *QuorumError, which says who did not answer if the context ended; or the context's.
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
	memory, err := c.memory.reserve(ctx, 2*int64(params.P)*int64(row))
	if err != nil {
		return nil, err
	}
	defer memory.release()
	// Rows past the blob's end are zero: the code knows them.
	live := int((meta.Length + row - 1) / row)
	var candidates []int
	for i := range params.N {
		if i < live || i >= params.P {
			candidates = append(candidates, i)
		}
	}
	g := c.newGather(id, meta, size, live, candidates)
	if !slices.ContainsFunc(g.candidates[:live], func(row int) bool { return row >= live }) {
		// Nothing needs to be decoded, if all goes well: let the slivers be the blob.
		g.rows = make([]byte, live*g.sliverSize)
	}
	var blob []byte
	err = g.run(ctx, func(slivers []rs2d.Sliver) error {
		blob, err = c.assemble(meta, slivers, g.rows)
		return err
	})
	return blob, c.explain(ctx, id, meta, err)
}

// assemble makes a blob of as many slivers as it takes. rows is empty, or those of
// the blob's own rows that came are in their place in it.
func (c *Client) assemble(meta *commit.Metadata, slivers []rs2d.Sliver, rows []byte) ([]byte, error) {
	if c.options.Check == rs2d.CheckNone {
		// Nothing else would find a wrong sliver.
		if err := errors.Join(c.code.VerifySlivers(meta, slivers)...); err != nil {
			return nil, err
		}
	}
	own := !slices.ContainsFunc(slivers, func(s rs2d.Sliver) bool { return s.Index*len(s.Data) >= len(rows) })
	if own && c.code.CheckRows(meta, rows, c.options.Check) == nil {
		return rows[:meta.Length:meta.Length], nil
	}
	return c.code.Decode(meta, slivers, c.options.Check)
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
	size, err := c.committee.Params().SymbolSize(meta.Length)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if n == 0 {
		return []byte{}, nil
	}
	if !slices.ContainsFunc(refs, func(r rs2d.SliverRef) bool { return c.slow(c.committee.OwnerOfPair(id, r.Index)) }) {
		data, err := c.readRows(ctx, id, meta, refs, size, off, n)
		if err == nil || errors.Is(err, ErrInconsistent) || ctx.Err() != nil {
			return data, err
		}
	}
	blob, err := c.readAll(ctx, id, meta)
	if err != nil {
		return nil, err
	}
	return slices.Clone(blob[off:][:n]), nil
}

// readRows reads a range from the slivers that hold it. It gives up rather than to wait
// for a node that is late.
func (c *Client) readRows(ctx context.Context, id commit.BlobID, meta *commit.Metadata, refs []rs2d.SliverRef, size int, off, n uint64) ([]byte, error) {
	candidates := make([]int, len(refs))
	for i, ref := range refs {
		candidates[i] = ref.Index
	}
	g := c.newGather(id, meta, size, len(refs), candidates)
	g.hasty = true
	memory, err := c.memory.reserve(ctx, 2*int64(len(refs))*int64(g.sliverSize))
	if err != nil {
		return nil, err
	}
	defer memory.release()
	g.first, g.rows = refs[0].Index, make([]byte, len(refs)*g.sliverSize)
	err = g.run(ctx, func(slivers []rs2d.Sliver) error {
		return errors.Join(c.code.VerifySlivers(meta, slivers)...)
	})
	if err != nil {
		return nil, err
	}
	data := g.rows[off-uint64(g.first*g.sliverSize):][:n:n]
	if 2*len(data) < len(g.rows) {
		return slices.Clone(data), nil // rather than to keep whole slivers
	}
	return data, nil
}

// explain says why a blob could not be read. If it is inconsistent, the committee is
// told.
func (c *Client) explain(ctx context.Context, id commit.BlobID, meta *commit.Metadata, err error) error {
	var inconsistent *rs2d.InconsistentError
	if errors.As(err, &inconsistent) {
		raw, e := inconsistent.Proof.MarshalBinary()
		if e == nil {
			_, e = invalid.Certify(ctx, c.committee, c.peers, meta, id, raw, nil)
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
	if _, e := invalid.Find(ctx, c.set, c.peers, id); e == nil {
		return ErrInconsistent
	}
	return err
}
