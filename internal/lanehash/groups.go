package lanehash

import "sync"

// Where a backend has kernels for it, the folds keep nodes in groups between the levels:
// those of as many trees as the kernel has lanes, word 0 of every lane first, then word
// 1, and so on. Nodes then need not be transposed into lanes and back on every level.

// MaxGroup is the most lanes that a group has.
const MaxGroup = 16

// foldColumnsInLanes is FoldColumnsInto for a number of columns that is a multiple of
// lanes, and at least two rows.
func (k *kernels) foldColumnsInLanes(dst, nodes []byte, rows, cols int) {
	lanes, width := k.groupLanes, cols*HashSize
	stride := HashSize // that of the lanes, which are groups from the second level on
	for from := nodes; rows > 1; rows = (rows + 1) / 2 {
		dstStride, pairs := 0, rows/2
		if rows == 2 {
			dstStride = HashSize
		}
		for at := 0; at < width; at += lanes * HashSize {
			k.foldGroups(dst[at:], dstStride, width, from[at:], from[width+at:], stride, 2*width, pairs)
			if rows%2 == 1 {
				k.foldGroups(dst[pairs*width+at:], dstStride, width, from[2*pairs*width+at:], zeroNodes[:], stride, 0, 1)
			}
		}
		from, stride = dst, 0
	}
}

// maxBand is the most columns of rows that are folded in lanes: what of them lies in
// groups fits the first cache.
const maxBand = 64

// band is the room for the groups of as many rows as there are lanes.
type band struct {
	groups [maxBand / 2 * MaxGroup * HashSize]byte
	last   [2 * MaxGroup * HashSize]byte // the last nodes of odd rows, padded
}

var bandPool = sync.Pool{New: func() any { return new(band) }}

// foldRowsInLanes is FoldRows for the first rows of a matrix of at most maxBand columns,
// as many as fill the lanes, by at least one level. It returns how many those are.
func (k *kernels) foldRowsInLanes(nodes []byte, rows, cols, levels int) int {
	lanes := k.groupLanes
	rows -= rows % lanes
	b := bandPool.Get().(*band)
	defer bandPool.Put(b)
	out := (cols + 1<<levels - 1) >> levels * HashSize // bytes of a folded row
	for r := 0; r < rows; r += lanes {
		b.fold(k, nodes[r*out:], out, nodes[r*cols*HashSize:], cols, levels)
	}
	return rows
}

// fold folds a row of cols nodes in each of the lanes, and writes what it folds to, a
// row every out bytes, to dst. dst may be nodes, or begin before it.
func (b *band) fold(k *kernels, dst []byte, out int, nodes []byte, cols, levels int) {
	lanes := k.groupLanes
	row, group := cols*HashSize, lanes*HashSize
	stride, next := row, HashSize // of lanes and of columns, which are groups from the second level on
	for from := nodes; levels > 0; levels-- {
		to, toStride, toNext := b.groups[:], 0, group
		if levels == 1 {
			to, toStride, toNext = dst, out, HashSize
		}
		pairs := cols / 2
		if cols%2 == 1 { // first, for dst may be nodes
			b.pad(lanes, from[2*pairs*next:], stride)
		}
		if pairs > 0 {
			k.foldGroups(to, toStride, toNext, from, from[next:], stride, 2*next, pairs)
		}
		if cols%2 == 1 {
			last, step := b.last[:], min(stride, HashSize)
			k.foldGroups(to[pairs*toNext:], toStride, toNext, last, last[group:], step, 0, 1)
		}
		cols = (cols + 1) / 2
		from, stride, next = b.groups[:], 0, group
	}
}

// pad copies the last nodes of odd rows, and puts the zero node to their right.
func (b *band) pad(lanes int, nodes []byte, stride int) {
	if stride == 0 {
		copy(b.last[:lanes*HashSize], nodes)
	} else {
		for i := range lanes {
			copy(b.last[i*HashSize:][:HashSize], nodes[i*stride:])
		}
	}
	clear(b.last[lanes*HashSize:][:lanes*HashSize])
}
