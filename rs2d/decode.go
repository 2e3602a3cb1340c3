package rs2d

import (
	"math/bits"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/alias"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Check says what Decode makes sure of before it returns a blob.
//
// # Who agrees with whom
//
// Whoever encodes a blob may cheat: commit to slivers that are not those of any
// blob, so that readers who use different ones decode different bytes. What follows
// takes for granted that nobody finds two inputs of one hash.
//
// A strict reader returns B only if encoding B gives exactly the metadata. Two such
// readers return the same: equal roots are equal leaves, so equal symbols, so equal
// matrices, and the length, which both take from the metadata, cuts the same bytes
// off. And if one returns B, every other one does that has enough right slivers: if
// the metadata is that of B then a sliver with its root has the symbols of B, and
// slivers of either axis with these decode to B. So the outcome does not depend on
// which slivers a reader has, or of which axis. Bytes past the end need no rule of
// their own: the encoder fills them with zeros, so metadata of another filling is
// that of no blob.
//
// A systematic reader returns B only if the first P rows of the matrix, zero padded,
// have the metadata's roots. They hold all of B, so two such readers who return
// anything return the same, and return what a strict reader does if he returns
// anything. But where a strict reader finds a blob inconsistent, a systematic one
// may return bytes or an error, depending on the slivers.
type Check uint8

const (
	// CheckStrict encodes the blob again and compares all roots. It is the default.
	CheckStrict Check = iota
	// CheckSystematic compares the roots of the primary slivers that hold the blob.
	// It is Walrus's default, and takes a third of the time.
	CheckSystematic
	// CheckNone takes the slivers to be right: wrong ones give a wrong blob, without
	// any error. It is for slivers that were verified, of a blob known to be
	// consistent.
	CheckNone
)

// Decode returns the blob, from any P primary slivers, or any S secondary ones, or
// from fewer where the blob's length says what is in others (see peel.go). Slivers
// may come in any order and number, of both axes, and more than once; they are only
// read.
//
// Decode first takes all slivers to be right. If the result fails the check, it
// verifies each of them, goes on without the wrong ones, and so finds the blob if
// enough of them are right.
//
// The error is a *[NotEnoughError], an *[InconsistentError] (never with CheckNone),
// ErrCheck, or one of those that metadata is refused with, see [Code.VerifySliver].
//
// Decode allocates the blob, padded to whole rows, only once it has slivers that add
// up to as much; and a few megabytes a worker, which are pooled. A strict check also
// takes the memory of [Code.Commit].
func (c *Code) Decode(meta *commit.Metadata, slivers []Sliver, check Check) ([]byte, error) {
	return c.DecodeInto(nil, meta, slivers, check)
}

// DecodeInto is Decode with the blob in dst's memory, if its capacity suffices for the
// blob padded to whole rows. Large blobs take less time in memory that was used before.
// What dst holds is lost, whatever the outcome. Slivers must not overlap it: the error is
// a *[SliverError] of [ErrOverlap] for one that does.
func (c *Code) DecodeInto(dst []byte, meta *commit.Metadata, slivers []Sliver, check Check) ([]byte, error) {
	if check > CheckNone {
		return nil, ErrCheck
	}
	size, err := c.checkMetadata(meta)
	if err != nil {
		return nil, err
	}
	d := &decoding{c: c, meta: meta, size: size, row: c.params.S * size, given: slivers}
	d.live = int((meta.Length + uint64(d.row) - 1) / uint64(d.row))
	if n := d.live * d.row; cap(dst) >= n {
		for _, s := range slivers {
			if alias.Overlap(dst[:n], s.Data) {
				return nil, &SliverError{s.SliverRef, ErrOverlap}
			}
		}
	}
	d.collect()
	for {
		p, err := d.plan()
		if err != nil {
			return nil, err
		}
		blob := d.matrix(dst, p, d.live)
		if check == CheckNone || d.passes(blob, check) {
			return blob[:meta.Length], nil
		}
		if d.judged {
			return nil, d.inconsistent(p)
		}
		d.judge()
	}
}

// decoding is one call of Decode.
type decoding struct {
	c     *Code
	meta  *commit.Metadata
	size  int // bytes of a symbol
	row   int // bytes of a row
	live  int // rows that hold bytes of the blob; the others up to P are zero
	given []Sliver

	use      [2][][]byte // per axis and index, the sliver in use or nil
	zeros    []byte      // a row
	judged   bool        // all slivers in use have the metadata's root
	rejected []error
}

// plan says what to decode from: exactly P primary or S secondary slivers.
type plan struct {
	axis   Axis
	chosen []int
}

// collect takes each sliver that is formed right, the first of each name, and the
// rows that are zero.
func (d *decoding) collect() {
	d.use[Primary], d.use[Secondary] = make([][]byte, d.c.params.N), make([][]byte, d.c.params.N)
	formed := false
	for _, s := range d.given {
		if err := d.c.checkSliver(s, d.size); err != nil {
			d.rejected = append(d.rejected, err)
			continue
		}
		formed = true
		if d.use[s.Axis][s.Index] == nil {
			d.use[s.Axis][s.Index] = s.Data
		}
	}
	// Without a sliver of this size, the metadata alone would say how much to
	// allocate. An empty blob has the least size.
	if formed || d.live == 0 {
		d.zeros = make([]byte, d.row)
		for i := d.live; i < d.c.params.P; i++ {
			d.use[Primary][i] = d.zeros
		}
	}
}

// judge verifies all slivers and leaves the right ones in use.
func (d *decoding) judge() {
	d.judged, d.rejected = true, nil
	clear(d.use[Primary])
	clear(d.use[Secondary])
	for i, err := range d.c.VerifySlivers(d.meta, d.given) {
		s := d.given[i]
		if err != nil {
			d.rejected = append(d.rejected, err)
		} else if d.use[s.Axis][s.Index] == nil {
			d.use[s.Axis][s.Index] = s.Data
		}
	}
	if d.live < d.c.params.P {
		zero := d.zeroRoot()
		for i := d.live; i < d.c.params.P; i++ {
			if d.meta.Primary[i] == zero {
				d.use[Primary][i] = d.zeros
			}
		}
	}
}

// zeroRoot returns the root of the sliver of zeros.
func (d *decoding) zeroRoot() commit.Hash {
	var root [1]commit.Hash
	d.c.sliverRoots(root[:], Primary, d.size, [][]byte{d.zeros})
	return root[0]
}

// plan chooses slivers to decode from.
func (d *decoding) plan() (plan, error) {
	primary, secondary := d.pick(Primary), d.pick(Secondary)
	if primary == nil && secondary == nil && d.completeBoundary() {
		primary = d.pick(Primary)
	}
	switch {
	case primary == nil && secondary == nil:
		return plan{}, d.notEnough()
	case secondary == nil || primary != nil && d.cost(Primary, primary) <= d.cost(Secondary, secondary):
		return plan{Primary, primary}, nil
	}
	return plan{Secondary, secondary}, nil
}

// pick returns the indices of as many slivers of the axis as determine the blob,
// those that hold parts of it first. It returns nil if there are fewer.
func (d *decoding) pick(axis Axis) []int {
	k := d.c.sourceSymbols(axis.Other())
	chosen := make([]int, 0, k)
	for i, data := range d.use[axis] {
		if data != nil && len(chosen) < k {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) < k {
		return nil
	}
	return chosen
}

func (d *decoding) notEnough() error {
	count := func(axis Axis) (n int) {
		for _, data := range d.use[axis] {
			if data != nil {
				n++
			}
		}
		return n
	}
	return &NotEnoughError{
		HavePrimary: count(Primary), NeedPrimary: d.c.params.P,
		HaveSecondary: count(Secondary), NeedSecondary: d.c.params.S,
		Rejected: d.rejected,
	}
}

// cost estimates what decoding from these slivers takes: for each byte of a sliver,
// a sum over k slivers for each one that is lost, or the transforms.
func (d *decoding) cost(axis Axis, chosen []int) int {
	k, length, wanted := d.c.params.P, d.row, d.live
	if axis == Secondary {
		k, length, wanted = d.c.params.S, d.live*d.size, d.c.params.S
	}
	there, _ := slices.BinarySearch(chosen, wanted)
	log := bits.Len(uint(min(k, d.c.params.N-k) - 1))
	return length * min((wanted-there)*k, 3*log<<log)
}

// matrix decodes the first rows of the message matrix, one after another, into dst's
// memory if it suffices.
func (d *decoding) matrix(dst []byte, p plan, rows int) []byte {
	m := &matrixJob{decoding: d, axis: p.axis, rows: rows, out: resizeLarge(dst, rows*d.row)}
	k, length := d.c.params.P, d.c.params.S
	if p.axis == Secondary {
		k, length = length, rows
	}
	if length*rows == 0 {
		return m.out
	}
	// The code that decodes primary slivers is the one along secondary ones.
	along := p.axis.Other()
	m.codec = d.c.sliverCodec(along)
	m.prepare(p.chosen, k)
	for at := range strips(d.size, length, m.codec.StripSize()) {
		m.strips = append(m.strips, at)
	}
	workers := max(1, min(d.c.crew.Free(), k*length*d.size/workerBytes))
	m.spaces = make([]*rscode.Workspace, workers)
	for w := range m.spaces {
		m.spaces[w] = d.c.borrow(along)
		defer d.c.giveBack(along, m.spaces[w])
	}
	d.c.crew.NewGroup().Do(workers, len(m.strips), m.strip)
	return m.out
}

// workerBytes is the least work, in bytes of slivers, to start a goroutine for.
const workerBytes = 256 << 10

// matrixJob decodes a matrix in strips.
type matrixJob struct {
	*decoding
	axis   Axis
	rows   int
	out    []byte
	codec  *rscode.Code
	spaces []*rscode.Workspace // one a worker
	strips []strip

	pattern       *rscode.Pattern // nil if no sliver is to be computed
	sources, lost [][]byte        // what decoding reads and writes
	copies        []int           // slivers that are there, and only need to be copied
}

// prepare compiles the pattern. Of k source slivers those along the primary axis
// are wanted only if they are among the rows.
func (m *matrixJob) prepare(chosen []int, k int) {
	n := m.c.params.N
	step := m.size // from one source sliver's first symbol to the next one's
	if m.axis == Primary {
		k, step = m.rows, m.row
	}
	present, wanted := make([]bool, n), make([]bool, n)
	slivers := make([][]byte, n)
	m.lost = make([][]byte, n)
	for _, i := range chosen {
		present[i], slivers[i] = true, m.use[m.axis][i]
	}
	missing := false
	for i := range k {
		if present[i] {
			m.copies = append(m.copies, i)
		} else {
			m.lost[i] = m.out[i*step:]
			wanted[i], missing = true, true
		}
	}
	if missing {
		// There are exactly as many slivers as it takes.
		m.pattern, _ = m.codec.Pattern(present, wanted)
		m.sources = m.pattern.Sources(new(rscode.Sources), slivers)
	}
}

// strip decodes one strip.
func (m *matrixJob) strip(worker, piece int) {
	at := m.strips[piece]
	step := m.size // from one symbol of a sliver to the next, in the matrix
	if m.axis == Secondary {
		step = m.row
	}
	if m.pattern != nil {
		m.spaces[worker].Reconstruct(m.pattern, at.of(m.lost, 0, step), at.of(m.sources, 0, m.size))
	}
	slivers := m.use[m.axis]
	if m.axis == Primary {
		from, to := at.first*m.size+at.from, (at.first+at.count-1)*m.size+at.to
		for _, i := range m.copies {
			copy(m.out[i*m.row+from:i*m.row+to], slivers[i][from:to])
		}
		return
	}
	for r := at.first; r < at.first+at.count; r++ {
		to := m.out[r*m.row:]
		for _, j := range m.copies {
			copy(to[j*m.size+at.from:j*m.size+at.to], slivers[j][r*m.size+at.from:])
		}
	}
}

// passes checks the decoded rows, and zeroes what of them lies past the end.
func (d *decoding) passes(rows []byte, check Check) bool {
	clear(rows[d.meta.Length:])
	if check == CheckStrict {
		meta, err := d.c.Commit(rows[:d.meta.Length])
		return err == nil && slices.Equal(meta.Primary, d.meta.Primary) && slices.Equal(meta.Secondary, d.meta.Secondary)
	}
	slivers := make([][]byte, d.live)
	for i := range slivers {
		slivers[i] = rows[i*d.row:][:d.row]
	}
	roots := make([]commit.Hash, d.live, d.c.params.P)
	d.c.sliverRoots(roots, Primary, d.size, slivers)
	if d.live < d.c.params.P {
		zero := d.zeroRoot()
		for len(roots) < d.c.params.P {
			roots = append(roots, zero)
		}
	}
	return slices.Equal(roots, d.meta.Primary[:d.c.params.P])
}
