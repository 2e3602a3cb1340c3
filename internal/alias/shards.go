package alias

import (
	"math/bits"
	"slices"
	"sync"
)

// Ascending reports whether each buffer that has room for size bytes begins no earlier than
// the one before ends, size bytes behind its beginning. Such buffers do not overlap.
func Ascending(buffers [][]byte, size int) bool {
	// Nearly always all have room, which four at a time tell in half the time.
	end, wrong, short, rest := uintptr(0), 0, 0, buffers
	for ; len(rest) >= 4; rest = rest[4:] {
		wrong |= disorder(rest, size, end)
		short |= (cap(rest[0]) - size) | (cap(rest[1]) - size) | (cap(rest[2]) - size) | (cap(rest[3]) - size)
		end = address(rest[3]) + uintptr(size)
	}
	if short < 0 {
		end, wrong, rest = 0, 0, buffers
	}
	for i := range rest {
		if cap(rest[i]) < size {
			continue
		}
		begin := address(rest[i])
		wrong |= int(begin - end)
		end = begin + uintptr(size)
	}
	return wrong >= 0
}

// AscendingWhole is [Ascending] for buffers that also must have size bytes each.
func AscendingWhole(buffers [][]byte, size int) bool {
	end, wrong, differ, rest := uintptr(0), 0, 0, buffers
	for ; len(rest) >= 4; rest = rest[4:] {
		wrong |= disorder(rest, size, end)
		differ |= (len(rest[0]) ^ size) | (len(rest[1]) ^ size) | (len(rest[2]) ^ size) | (len(rest[3]) ^ size)
		end = address(rest[3]) + uintptr(size)
	}
	for i := range rest {
		begin := address(rest[i])
		wrong |= int(begin - end)
		differ |= len(rest[i]) ^ size
		end = begin + uintptr(size)
	}
	return wrong >= 0 && differ == 0
}

// disorder is negative if one of the first four buffers, of size bytes each, begins before
// the one before it ends, and the first of them before end.
func disorder(buffers [][]byte, size int, end uintptr) int {
	_ = buffers[3]
	a, b, c, d := address(buffers[0]), address(buffers[1]), address(buffers[2]), address(buffers[3])
	return int(a-end) | int(b-a-uintptr(size)) | int(c-b-uintptr(size)) | int(d-c-uintptr(size))
}

// FindOverlap looks for a buffer of outs that overlaps another of them or one of ins. All
// buffers that are not empty have size bytes, which is positive; empty ones are left out.
// It returns the indices of two, ascending, that of one of ins counting on from those of
// outs. It takes time in proportion to n·log n for n buffers, and in the long run allocates
// nothing.
func FindOverlap(outs, ins [][]byte, size int) (out, other int, found bool) {
	if apart(outs, ins, size) {
		return 0, 0, false
	}
	list := lists.Get().(*list)
	defer lists.Put(list)
	keys := list.sorted(outs, ins)
	// The ends of what begins before a key, of any buffer and of those of outs.
	end, outEnd := uintptr(0), uintptr(0)
	last, lastOut := uint64(0), uint64(0)
	for i, key := range keys {
		begin, isOut := uintptr(key>>1), key&1 != 0
		if i > 0 && (isOut && begin < end || begin < outEnd) {
			if !isOut || begin < outEnd {
				last = lastOut
			}
			out, other = find(outs, ins, key, last)
			return out, other, true
		}
		end, last = begin+uintptr(size), key
		if isOut {
			outEnd, lastOut = end, key
		}
	}
	return 0, 0, false
}

// apart reports whether it is plain that no buffer of outs overlaps another: they ascend,
// and none of ins begins or ends between the first and the last.
func apart(outs, ins [][]byte, size int) bool {
	if len(outs) == 0 {
		return true
	}
	for i := range outs {
		if len(outs[i]) == 0 {
			return false
		}
	}
	if !Ascending(outs, size) {
		return false
	}
	before, behind := int(address(outs[0]))-size, int(address(outs[len(outs)-1]))+size
	if behind <= before {
		return false // they are more than half of all addresses apart
	}
	inside := 0
	for i := range ins {
		if len(ins[i]) > 0 {
			begin := int(address(ins[i]))
			inside |= (begin - behind) & (before - begin)
		}
	}
	return inside >= 0
}

// list is memory for keys: twice the address of a buffer, and one more if it is of outs.
type list struct{ keys, spare []uint64 }

var lists = sync.Pool{New: func() any { return new(list) }}

// sorted returns the keys of the buffers that are not empty, ascending.
func (l *list) sorted(outs, ins [][]byte) []uint64 {
	l.keys = l.keys[:0]
	for _, b := range outs {
		if len(b) > 0 {
			l.keys = append(l.keys, uint64(address(b))<<1|1)
		}
	}
	for _, b := range ins {
		if len(b) > 0 {
			l.keys = append(l.keys, uint64(address(b))<<1)
		}
	}
	if len(l.keys) < 100 {
		slices.Sort(l.keys)
	} else {
		l.radixSort()
	}
	return l.keys
}

// radixSort sorts the keys digit by digit. Buffers are near each other, in one heap, so
// that few digits differ.
func (l *list) radixSort() {
	const digit = 10 // bits
	least, most := l.keys[0], l.keys[0]
	for _, key := range l.keys {
		least, most = min(least, key), max(most, key)
	}
	l.spare = slices.Grow(l.spare[:0], len(l.keys))[:len(l.keys)]
	for shift := 0; shift < bits.Len64(most-least); shift += digit {
		var at [1 << digit]uint32
		for _, key := range l.keys {
			at[(key-least)>>shift&(1<<digit-1)]++
		}
		sum := uint32(0)
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, key := range l.keys {
			d := (key - least) >> shift & (1<<digit - 1)
			l.spare[at[d]] = key
			at[d]++
		}
		l.keys, l.spare = l.spare, l.keys
	}
}

// find returns the indices of two buffers with the keys, ascending.
func find(outs, ins [][]byte, a, b uint64) (out, other int) {
	if a&1 == 0 {
		a, b = b, a
	}
	index := func(key uint64, after int) int {
		for i := after + 1; i < len(outs)+len(ins); i++ {
			if i < len(outs) && len(outs[i]) > 0 && uint64(address(outs[i]))<<1|1 == key {
				return i
			}
			if i >= len(outs) && len(ins[i-len(outs)]) > 0 && uint64(address(ins[i-len(outs)]))<<1 == key {
				return i
			}
		}
		return -1
	}
	out, other = index(a, -1), index(b, -1)
	if out == other {
		other = index(b, out)
	}
	if other < len(outs) {
		return min(out, other), max(out, other)
	}
	return out, other
}
