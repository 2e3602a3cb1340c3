//go:build !purego

package lanehash

import "unsafe"

// blake3Runs works like blake3RunsGeneric.
func blake3Runs(l laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake3Job) {
	if l == lanesGeneric {
		blake3RunsGeneric(dst, dstStride, a, b, stride, size, count, job)
		return
	}
	short := (size == 2 || size == 4) && b == nil && job.counter|job.step == 0
	switch {
	case l == lanesAVX2 && short:
		blake3Shortx8AVX2(at(dst, 0), dstStride, at(a, 0), stride, size, count, &job.key[0])
	case l == lanesAVX2:
		blake3x8AVX2(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, count, &job.key[0])
	default:
		first := count // what 16 lanes take: 8 lanes cost half as much
		if rest := count & 15; rest <= 8 {
			first -= rest
		}
		switch {
		case first == 0:
		case short:
			blake3Shortx16AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, &job.key[0])
		default:
			blake3x16AVX512(at(dst, 0), dstStride, at(a, 0), at(b, 0), stride, size, first, &job.key[0])
		}
		if first < count {
			rest := *job
			rest.counter += uint32(first) * job.step
			blake3x8AVX512(at(dst, first*dstStride), dstStride, at(a, first*stride), at(b, first*stride),
				stride, size, count-first, &rest.key[0])
		}
	}
}

// blake2bRuns works like blake2bRunsGeneric.
func blake2bRuns(l laneSet, dst []byte, dstStride int, a, b []byte, stride, size, count int, job *blake2bJob) {
	switch {
	case l == lanesGeneric:
		blake2bRunsGeneric(dst, dstStride, a, b, stride, size, count, job)
	case job.state != nil:
		blake2bPieces(l, dst, dstStride, a, stride, size, count, job)
	case l == lanesAVX2:
		blake2bRest(dst, dstStride, a, b, stride, size, count, 0, job)
	default:
		first := count // what 8 lanes take: 4 lanes are quicker with 4 messages
		if rest := count & 7; rest <= 4 {
			first -= rest
		}
		switch {
		case first == 0:
		case size == 2 || size == 4:
			blake2bShortx8AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, job.lead)
		case size == 2*HashSize:
			blake2bNodesx8AVX512(at(dst, 0), dstStride, at(a, 0), at(second(a, b), 0), stride, first, job.lead)
		default:
			blake2bx8AVX512(at(dst, 0), dstStride, at(a, 0), stride, size, first, job.lead, nil, nil, 0)
		}
		if first < count {
			blake2bRest(dst, dstStride, a, b, stride, size, count-first, first, job)
		}
	}
}

// blake2bRest hashes count whole messages from number first on, 4 at a time.
func blake2bRest(dst []byte, dstStride int, a, b []byte, stride, size, count, first int, job *blake2bJob) {
	to, from := at(dst, first*dstStride), at(a, first*stride)
	switch size {
	case 2, 4:
		blake2bShortx4AVX2(to, dstStride, from, stride, size, count, job.lead)
	case 2 * HashSize:
		blake2bNodesx4AVX2(to, dstStride, from, at(second(a, b), first*stride), stride, count, job.lead)
	default:
		blake2bx4AVX2(to, dstStride, from, stride, size, count, job.lead, nil, nil, 0)
	}
}

// second returns the row of second halves of messages of 64 bytes.
func second(a, b []byte) []byte {
	if b == nil {
		return a[HashSize:]
	}
	return b
}

// blake2bPieces hashes pieces of messages, going on from the job's states.
func blake2bPieces(l laneSet, dst []byte, dstStride int, src []byte, stride, size, count int, job *blake2bJob) {
	var digests *byte
	if job.last {
		digests = at(dst, 0)
	} else {
		dstStride = 0 // a null pointer must stay one
	}
	leads, state := unsafe.SliceData(job.leads), unsafe.SliceData(job.state)
	if l == lanesAVX2 {
		blake2bx4AVX2(digests, dstStride, at(src, 0), stride, size, count, job.lead, leads, state, job.offset)
	} else {
		blake2bx8AVX512(digests, dstStride, at(src, 0), stride, size, count, job.lead, leads, state, job.offset)
	}
}

// groupLanes returns how many lanes the groups of a hasher have, 0 if there are no
// kernels for them.
func groupLanes(h *Hasher) int {
	if h.scheme == BLAKE3 && h.lanes == lanesAVX512 {
		return 16
	}
	return 0
}

// foldGroups hashes count groups of pairs of nodes. The children of lane i of group g
// are at a[g*next+i*stride:] and at b[g*next+i*stride:], or with stride 0 those of all
// lanes are groups at a[g*next:] and b[g*next:]; dst and dstStride say likewise where the
// nodes go.
func foldGroups(dst []byte, dstStride, dstNext int, a, b []byte, stride, next, count int) {
	blake3Foldx16AVX512(at(dst, 0), dstStride, dstNext, at(a, 0), at(b, 0), stride, next, count, &blake3Node.single.key[0])
}

// climbGroup replaces the nodes of a group, one after another, by those that they lead to
// levels above. The siblings of node i on its way are at siblings[i], and left of it on
// level l if bit i of turns[l] is set.
func climbGroup(nodes []byte, siblings *[MaxGroup]*byte, turns *[MaxDepth]uint16, levels int) {
	blake3Climbx16AVX512(at(nodes, 0), &siblings[0], &turns[0], levels, &blake3Node.single.key[0])
}
