package lanehash

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/race"
)

// kernels is the inner loops of hashing on one set of instructions. Several backends share
// one: hashing has no use for GFNI.
//
// Kernels trust their arguments: the exported functions check lengths first. They keep no
// pointer. They are called by the methods below.
type kernels struct {
	// The numbers of messages hashed side by side.
	blake3Lanes, blake2bLanes int
	// halves says that batches of at most half as many messages cost less.
	halves bool
	// groupLanes is how many lanes the groups of fold and climb have, 0 if there are no
	// such kernels.
	groupLanes int

	// blake3 works like blake3RunsGeneric, blake2b like blake2bRunsGeneric.
	blake3  func(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job)
	blake2b func(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob)

	// fold hashes count groups of pairs of nodes. The children of lane i of group g are at
	// a[g*next+i*stride:] and at b[g*next+i*stride:], or with stride 0 those of all lanes
	// are groups at a[g*next:] and b[g*next:]; dst and dstStride say likewise where the
	// nodes go.
	fold func(dst []byte, dstStride, dstNext int, a, b []byte, stride, next, count int)
	// climb replaces the nodes of a group, one after another, by those that they lead to
	// levels above. The siblings of node i on its way are at siblings[i], and left of it on
	// level l if bit i of turns[l] is set.
	climb func(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int)
}

// genericKernels are pure Go.
var genericKernels = &kernels{
	blake3Lanes: 1, blake2bLanes: 1,
	blake3: blake3RunsGeneric, blake2b: blake2bRunsGeneric,
}

func (k *kernels) blake3Runs(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	k.blake3(unseen(dst), dstStride, unseen(a), unseen(b), stride, size, count, (*blake3Job)(noescape(unsafe.Pointer(job))))
}

func (k *kernels) blake2bRuns(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	k.blake2b(unseen(dst), dstStride, unseen(a), unseen(b), stride, size, count, (*blake2bJob)(noescape(unsafe.Pointer(job))))
}

func (k *kernels) foldGroups(dst []byte, dstStride, dstNext int, a, b []byte, stride, next, count int) {
	k.fold(unseen(dst), dstStride, dstNext, unseen(a), unseen(b), stride, next, count)
}

func (k *kernels) climbGroup(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int) {
	k.climb(unseen(nodes), (*[MaxGroup]*byte)(noescape(unsafe.Pointer(siblings))), (*[MaxDepth]uint16)(noescape(unsafe.Pointer(turns))), levels)
}

// noescape returns p, which the compiler does not see: what is handed to a function that
// it does not know would else be allocated on the heap, and kernels keep no pointer.
//
//go:nocheckptr
func noescape(p unsafe.Pointer) unsafe.Pointer { return unsafe.Add(nil, uintptr(p)) }

// unseen is noescape for the memory of a slice.
func unseen(b []byte) []byte {
	return unsafe.Slice((*byte)(noescape(unsafe.Pointer(unsafe.SliceData(b)))), len(b))
}

// Costs of calls that fill the lanes of a kernel, and half of them where that costs less.
const (
	fullCost        = 8
	blake3HalfCost  = 5
	blake2bHalfCost = 7
)

// callCost compares calls that hash count messages of one length on kernels of so many
// lanes, those of half as many costing half: what it returns is in proportion to the time.
func (k *kernels) callCost(lanes, half, count int) int {
	rest := count % lanes
	switch full := count / lanes * fullCost; {
	case rest == 0:
		return full
	case k.halves && rest <= lanes/2:
		return full + half
	default:
		return full + fullCost
	}
}

// instrumented returns k itself, or under the race detector kernels that tell it what they
// touch, and then call those of k.
func instrumented(k *kernels) *kernels {
	if !race.Enabled {
		return k
	}
	w := *k
	read := func(a, b []byte, stride, size, count int) {
		if b == nil {
			race.ReadRows(a, stride, size, count)
			return
		}
		race.ReadRows(a, stride, size/2, count)
		race.ReadRows(b, stride, size/2, count)
	}
	w.blake3 = func(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
		read(a, b, stride, size, count)
		race.WriteRows(dst, dstStride, HashSize, count)
		k.blake3(dst, dstStride, a, b, stride, size, count, job)
	}
	w.blake2b = func(dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
		read(a, b, stride, size, count)
		race.Write(unsafe.Pointer(unsafe.SliceData(job.state)), 8*len(job.state))
		if job.last {
			race.WriteRows(dst, dstStride, HashSize, count)
		}
		k.blake2b(dst, dstStride, a, b, stride, size, count, job)
	}
	// groups calls touch with what there is of each group.
	groups := func(touch func(b []byte, stride, size, count int), b []byte, stride, next, count int) {
		for g := range count {
			if stride == 0 {
				touch(b[g*next:], 0, k.groupLanes*HashSize, 1)
			} else {
				touch(b[g*next:], stride, HashSize, k.groupLanes)
			}
		}
	}
	w.fold = func(dst []byte, dstStride, dstNext int, a, b []byte, stride, next, count int) {
		groups(race.ReadRows, a, stride, next, count)
		groups(race.ReadRows, b, stride, next, count)
		groups(race.WriteRows, dst, dstStride, dstNext, count)
		k.fold(dst, dstStride, dstNext, a, b, stride, next, count)
	}
	w.climb = func(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int) {
		race.WriteRows(nodes, HashSize, HashSize, k.groupLanes)
		for _, s := range siblings[:k.groupLanes] {
			race.Read(unsafe.Pointer(s), levels*HashSize)
		}
		k.climb(nodes, siblings, turns, levels)
	}
	return &w
}
