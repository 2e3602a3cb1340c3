package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/rs2d"
)

// blobIndex says what the store has of one blob, and where its files' live bytes are.
// One look at it answers whether the node has something.
type blobIndex struct {
	inserted int64  // Unix seconds of the first update
	end      uint32 // the first epoch that does not need the blob; 0 if there is none
	writer   string // whose bytes they count as
	records  []indexedRecord
	slivers  []indexedSliver
}

type indexedRecord struct {
	kind Record
	size int64
}

// indexedSliver is a sliver of the index.
type indexedSliver struct {
	Entry
	mark byte   // why it is quarantined, or 0
	file uint64 // number of its file, or 0 if it is in the database
	off  int64  // in the file
}

// Marks of quarantined slivers.
const (
	markUnreadable = 1 // reading it again may lift it
	markWrong      = 2 // it reads well, and is not the blob's
	lastMark       = markWrong
)

// span is a range of bytes of a file.
type span struct{ off, end int64 }

// clone returns a copy that shares nothing.
func (x *blobIndex) clone() blobIndex {
	c := *x
	c.records, c.slivers = slices.Clone(x.records), slices.Clone(x.slivers)
	return c
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Axis, b.Axis), cmp.Compare(a.Pair, b.Pair))
}

func (x *blobIndex) find(ref Ref) (int, bool) {
	return slices.BinarySearchFunc(x.slivers, ref, func(s indexedSliver, ref Ref) int { return compareRefs(s.Ref, ref) })
}

// set enters a sliver, in place of what was there.
func (x *blobIndex) set(s indexedSliver) {
	if i, found := x.find(s.Ref); found {
		x.slivers[i] = s
	} else {
		x.slivers = slices.Insert(x.slivers, i, s)
	}
}

// remove takes a sliver out, and reports whether it was there.
func (x *blobIndex) remove(ref Ref) bool {
	i, found := x.find(ref)
	if found {
		x.slivers = slices.Delete(x.slivers, i, i+1)
	}
	return found
}

func (x *blobIndex) setRecord(r Record, size int64) {
	i, found := slices.BinarySearchFunc(x.records, r, func(a indexedRecord, r Record) int { return cmp.Compare(a.kind, r) })
	if !found {
		x.records = slices.Insert(x.records, i, indexedRecord{kind: r})
	}
	x.records[i].size = size
}

func (x *blobIndex) has(r Record) bool {
	return slices.ContainsFunc(x.records, func(a indexedRecord) bool { return a.kind == r })
}

// empty reports whether there is nothing of the blob.
func (x *blobIndex) empty() bool { return len(x.records)+len(x.slivers) == 0 }

// pending reports whether nobody vouches for the blob, nor against it.
func (x *blobIndex) pending() bool {
	return !x.empty() && !x.has(Certificate) && !x.has(Registered) && !x.has(InvalidBlobCertificate)
}

// bytes returns the length of all that is stored.
func (x *blobIndex) bytes() (total int64) {
	for _, r := range x.records {
		total += r.size
	}
	for _, s := range x.slivers {
		total += s.Size
	}
	return total
}

// files returns the numbers of the files that slivers are in.
func (x *blobIndex) files() (numbers []uint64) {
	for _, s := range x.slivers {
		if s.file != 0 && !slices.Contains(numbers, s.file) {
			numbers = append(numbers, s.file)
		}
	}
	return numbers
}

// live returns the ranges of a file that slivers are in, in their order.
func (x *blobIndex) live(file uint64) (spans []span) {
	for _, s := range x.slivers {
		if s.file == file {
			spans = append(spans, span{s.off, s.off + s.Size})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.off, b.off) })
	return spans
}

// value returns the index as the database has it. In bytes: three lists, of records
// (kind, length), files (number in 64 bits) and slivers (axis and mark, pair, length,
// place of the file in the list counted from 1 or 0, offset if in a file), each after
// its length; before them the time, the end, and the writer after its length. Numbers
// are varints where nothing is said.
func (x *blobIndex) value() []byte {
	b := make([]byte, 0, 32+len(x.writer)+12*len(x.slivers))
	b = binary.AppendUvarint(b, uint64(x.inserted))
	b = binary.AppendUvarint(b, uint64(x.end))
	b = binary.AppendUvarint(b, uint64(len(x.writer)))
	b = append(b, x.writer...)
	b = binary.AppendUvarint(b, uint64(len(x.records)))
	for _, r := range x.records {
		b = binary.AppendUvarint(append(b, byte(r.kind)), uint64(r.size))
	}
	files := x.files()
	b = binary.AppendUvarint(b, uint64(len(files)))
	for _, number := range files {
		b = binary.LittleEndian.AppendUint64(b, number)
	}
	b = binary.AppendUvarint(b, uint64(len(x.slivers)))
	for _, s := range x.slivers {
		b = append(b, byte(s.Axis)|s.mark<<1)
		b = binary.AppendUvarint(b, uint64(s.Pair))
		b = binary.AppendUvarint(b, uint64(s.Size))
		at := 1 + slices.Index(files, s.file)
		b = binary.AppendUvarint(b, uint64(at))
		if at > 0 {
			b = binary.AppendUvarint(b, uint64(s.off))
		}
	}
	return b
}

// parseIndex is the inverse of value. It allocates in proportion to the value.
func parseIndex(value []byte) (x blobIndex, err error) {
	p := indexParser{rest: value}
	x.inserted = int64(p.number(1 << 62))
	x.end = uint32(p.number(1<<32 - 1))
	x.writer = string(p.take(p.count(1)))
	for range p.count(2) {
		kind := p.take(1)
		if p.bad {
			break
		}
		x.records = append(x.records, indexedRecord{Record(kind[0]), int64(p.number(maxLength))})
	}
	var files []uint64
	for range p.count(8) {
		files = append(files, binary.LittleEndian.Uint64(p.take(8)))
	}
	for range p.count(4) {
		head := p.take(1)
		if p.bad {
			break
		}
		s := indexedSliver{mark: head[0] >> 1}
		s.Axis, s.Pair, s.Size = rs2d.Axis(head[0]&1), int(p.number(1<<16-1)), int64(p.number(maxLength))
		if at := p.number(uint64(len(files))); at > 0 {
			s.file, s.off = files[at-1], int64(p.number(maxLength))
		}
		x.slivers = append(x.slivers, s)
	}
	sorted := slices.IsSortedFunc(x.slivers, func(a, b indexedSliver) int { return cmp.Or(compareRefs(a.Ref, b.Ref), -1) }) &&
		slices.IsSortedFunc(x.records, func(a, b indexedRecord) int { return cmp.Or(cmp.Compare(a.kind, b.kind), -1) })
	marked := !slices.ContainsFunc(x.slivers, func(s indexedSliver) bool { return s.mark > lastMark })
	if p.bad || len(p.rest) > 0 || !sorted || !marked || slices.Contains(files, 0) {
		return blobIndex{}, fmt.Errorf("%w: index of a blob", ErrCorrupt)
	}
	return x, nil
}

// maxLength is more bytes than a sliver or a record can have.
const maxLength = 1 << 40

// indexParser reads a value. After something that cannot be, bad is set and all it
// returns is zero.
type indexParser struct {
	rest []byte
	bad  bool
}

// number reads a number that is at most max.
func (p *indexParser) number(max uint64) uint64 {
	v, n := binary.Uvarint(p.rest)
	if p.bad || n <= 0 || v > max {
		p.bad = true
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

// count reads how many things follow, each of which has at least so many bytes.
func (p *indexParser) count(bytes int) int { return int(p.number(uint64(len(p.rest) / bytes))) }

// take reads n bytes.
func (p *indexParser) take(n int) []byte {
	if p.bad || n > len(p.rest) {
		p.bad = true
		return make([]byte, n)
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

// info returns what callers are told.
func (x *blobIndex) info() (i Info) {
	if !x.empty() {
		i.Inserted = time.Unix(x.inserted, 0)
	}
	i.End, i.Writer = x.end, x.writer
	i.Records, i.Slivers = make([]Record, 0, len(x.records)), make([]Entry, 0, len(x.slivers))
	for _, r := range x.records {
		i.Records = append(i.Records, r.kind)
	}
	for _, s := range x.slivers {
		if s.mark != 0 {
			i.Quarantined = append(i.Quarantined, s.Entry)
		} else {
			i.Slivers = append(i.Slivers, s.Entry)
		}
	}
	return i
}
