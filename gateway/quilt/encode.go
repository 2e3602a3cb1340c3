package quilt

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
)

// Sizes and values of the format.
const (
	version = 1

	indexPrefix     = 1 + 4 // version, length of the index
	patchPrefix     = 1 + 4 + 1
	maxIndexColumns = 10
	tagsPresent     = 1 // bit of the mask

	maxShort = math.MaxUint16 // lengths in 16 bits
)

// File is what goes into a quilt, and what comes out of it.
type File struct {
	// Identifier names the file within its quilt: 1 to 65,531 bytes of UTF-8 without
	// control characters or white space at the end.
	Identifier string
	Tags       map[string]string
	Data       []byte
}

// Patch is the place of a file in a quilt: columns [Start, End).
type Patch struct {
	Identifier string
	Tags       map[string]string
	Start, End int
}

// Encode returns the blob of a quilt of the files, for a code of the parameters, and
// where each file is in it: in the order of their identifiers, whatever order they come
// in. The files are not kept.
//
// The blob is as long as the files and up to a column for each of them; memory is that
// and no more. The error is ErrEmpty, an *IdentifierError, or a *SizeError.
func Encode(p commit.Params, files []File) (blob []byte, patches []Patch, err error) {
	if len(files) == 0 {
		return nil, nil, ErrEmpty
	}
	if len(files) > p.S-1 {
		return nil, nil, &SizeError{"files", uint64(len(files)), uint64(p.S - 1)}
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Identifier, b.Identifier) })
	heads := make([][]byte, len(files))
	sizes := make([]uint64, 1, len(files)+1)
	indexLength := uint64(len(bcs.AppendLength(nil, len(files))))
	for i, f := range files {
		if i > 0 && files[i-1].Identifier == f.Identifier {
			return nil, nil, &IdentifierError{f.Identifier, "is that of two files"}
		}
		identifier, tags, err := f.encodeNames()
		if err != nil {
			return nil, nil, err
		}
		if heads[i], err = f.head(identifier, tags); err != nil {
			return nil, nil, err
		}
		indexLength += 2 + uint64(len(identifier)) + uint64(max(1, len(tags)))
		sizes = append(sizes, uint64(len(heads[i])+len(f.Data)))
	}
	sizes[0] = indexPrefix + indexLength
	symbol, err := symbolSize(p, sizes)
	if err != nil {
		return nil, nil, err
	}

	m := newMatrix(p, symbol)
	column := m.columnsOf(sizes[0])
	patches = make([]Patch, len(files))
	for i, f := range files {
		end := column + m.columnsOf(sizes[i+1])
		patches[i] = Patch{Identifier: f.Identifier, Tags: maps.Clone(f.Tags), Start: column, End: end}
		m.write(column, heads[i], f.Data)
		column = end
	}
	index := appendIndex(make([]byte, 0, sizes[0]), patches)
	m.write(0, index)
	return m.blob, patches, nil
}

// encodeNames returns the identifier and the tags in BCS; tags are nil if there are
// none.
func (f File) encodeNames() (identifier, tags []byte, err error) {
	if err := checkIdentifier(f.Identifier); err != nil {
		return nil, nil, err
	}
	identifier = bcs.AppendSlice(nil, []byte(f.Identifier))
	if len(identifier) >= maxShort {
		return nil, nil, &IdentifierError{f.Identifier, "is longer than the 65,531 bytes that the format has room for"}
	}
	if len(f.Tags) == 0 {
		return identifier, nil, nil
	}
	for key, value := range f.Tags {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, nil, &IdentifierError{f.Identifier, "has a tag that is not UTF-8"}
		}
	}
	tags = appendTags(nil, f.Tags)
	if len(tags) > maxShort {
		return nil, nil, &SizeError{"bytes of tags of " + f.Identifier, uint64(len(tags)), maxShort}
	}
	return identifier, tags, nil
}

// head returns all of a patch but its data.
func (f File) head(identifier, tags []byte) ([]byte, error) {
	length := uint64(2+len(identifier)) + uint64(len(f.Data))
	if tags != nil {
		length += uint64(2 + len(tags))
	}
	if length > math.MaxUint32 {
		return nil, &SizeError{"bytes of " + f.Identifier, length, math.MaxUint32}
	}
	head := append(make([]byte, 0, patchPrefix+4+len(identifier)+len(tags)), version)
	head = binary.LittleEndian.AppendUint32(head, uint32(length))
	if tags == nil {
		head = append(head, 0)
	} else {
		head = append(head, tagsPresent)
	}
	head = append(bcs.AppendU16(head, uint16(len(identifier))), identifier...)
	if tags != nil {
		head = append(bcs.AppendU16(head, uint16(len(tags))), tags...)
	}
	return head, nil
}

// checkIdentifier returns an *IdentifierError if no patch can have the identifier.
func checkIdentifier(s string) error {
	switch {
	case s == "":
		return &IdentifierError{s, "is empty"}
	case !utf8.ValidString(s):
		return &IdentifierError{s, "is not UTF-8"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return &IdentifierError{s, "has a control character"}
	case strings.TrimRightFunc(s, unicode.IsSpace) != s:
		return &IdentifierError{s, "ends with white space"}
	case len(s) > maxShort:
		return &IdentifierError{s, "is longer than the 65,531 bytes that the format has room for"}
	}
	return nil
}

// appendTags appends tags in BCS: sorted by their keys in BCS, so that short keys come
// before long ones.
func appendTags(dst []byte, tags map[string]string) []byte {
	serialized := make(map[string]string, len(tags))
	for key, value := range tags {
		serialized[string(bcs.AppendSlice(nil, []byte(key)))] = value
	}
	dst = bcs.AppendLength(dst, len(tags))
	for _, key := range slices.Sorted(maps.Keys(serialized)) {
		dst = bcs.AppendSlice(append(dst, key...), []byte(serialized[key]))
	}
	return dst
}

// appendIndex appends the index with its prefix.
func appendIndex(dst []byte, patches []Patch) []byte {
	start := len(dst)
	dst = append(dst, version, 0, 0, 0, 0)
	dst = bcs.AppendLength(dst, len(patches))
	for _, patch := range patches {
		dst = bcs.AppendU16(dst, uint16(patch.End))
		dst = bcs.AppendSlice(dst, []byte(patch.Identifier))
		dst = appendTags(dst, patch.Tags)
	}
	binary.LittleEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-indexPrefix))
	return dst
}

// symbolSize returns the bytes of a symbol with which all runs fit, each in columns of
// its own. sizes are the bytes of the runs; the first is the index.
//
// Larger symbols make longer columns, so a run never takes more of them: whether all
// fit is monotone, and the least size is found by halving. It starts from what the
// bytes alone take, and from what suffices if every run gets an equal part of the
// columns.
func symbolSize(p commit.Params, sizes []uint64) (int, error) {
	rows, columns := uint64(p.P), uint64(p.S)
	sum, largest := uint64(0), uint64(0)
	for _, size := range sizes {
		sum += size
		largest = max(largest, size)
	}
	up := func(a, b uint64) uint64 { return (a + b - 1) / b }
	low := max(up(sum, rows*columns), up(sizes[0], rows*maxIndexColumns), up(indexPrefix, rows))
	high := up(largest, columns/uint64(len(sizes))*rows)
	fits := func(symbol uint64) bool {
		used := uint64(0)
		for _, size := range sizes {
			used += up(size, symbol*rows)
		}
		return used <= columns
	}
	for low < high {
		if middle := (low + high) / 2; fits(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low += low & 1; low > commit.MaxSymbol {
		return 0, &SizeError{"bytes of index and files", sum, p.MaxBlob()}
	}
	return int(low), nil
}

// matrix is a message matrix that is written down its columns.
type matrix struct {
	blob             []byte
	symbol           int // bytes of a symbol
	column, row, all int // bytes of a column, of a row; columns
}

func newMatrix(p commit.Params, symbol int) *matrix {
	return &matrix{
		blob: make([]byte, p.P*p.S*symbol), symbol: symbol, column: symbol * p.P, row: symbol * p.S, all: p.S,
	}
}

// columnsOf returns how many columns a run of so many bytes takes.
func (m *matrix) columnsOf(bytes uint64) int {
	return int((bytes + uint64(m.column) - 1) / uint64(m.column))
}

// write writes a run, which is in pieces, from a column on.
func (m *matrix) write(column int, pieces ...[]byte) {
	at := column * m.column
	for _, piece := range pieces {
		for len(piece) > 0 {
			column, within := at/m.column, at%m.column
			row, off := within/m.symbol, within%m.symbol
			n := copy(m.blob[row*m.row+column*m.symbol:][:m.symbol][off:], piece)
			at, piece = at+n, piece[n:]
		}
	}
}
