package lanehash

import "github.com/redstuff-go/redstuff/internal/cpu"

// laneSet is a set of hash kernels. Several backends share one: hashing has no
// use for GFNI.
type laneSet uint8

const (
	lanesGeneric laneSet = iota
	lanesAVX2
	lanesAVX512
	lanesNEON
	lanesNEONSHA3
)

// backendLanes says which kernels a backend runs.
var backendLanes = map[string]laneSet{
	cpu.Generic:    lanesGeneric,
	cpu.AVX2:       lanesAVX2,
	cpu.AVX2GFNI:   lanesAVX2,
	cpu.AVX512:     lanesAVX512,
	cpu.AVX512GFNI: lanesAVX512,
	cpu.NEON:       lanesNEON,
	cpu.NEONSHA3:   lanesNEONSHA3,
}

// Costs of calls that fill the lanes of a kernel, and on AVX-512, where there are kernels
// of half as many lanes for batches that need no more, half of them.
const (
	fullCost        = 8
	blake3HalfCost  = 5
	blake2bHalfCost = 7
)

// callCost compares calls that hash count messages of one length on kernels of so many
// lanes, those of half as many costing half: what it returns is in proportion to the time.
func (l laneSet) callCost(width, half, count int) int {
	rest := count % width
	switch full := count / width * fullCost; {
	case rest == 0:
		return full
	case l == lanesAVX512 && rest <= width/2:
		return full + half
	default:
		return full + fullCost
	}
}

// blake3Width and blake2bWidth are the messages hashed side by side.
var (
	blake3Width  = [...]int{lanesGeneric: 1, lanesAVX2: 8, lanesAVX512: 16, lanesNEON: 4, lanesNEONSHA3: 4}
	blake2bWidth = [...]int{lanesGeneric: 1, lanesAVX2: 4, lanesAVX512: 8, lanesNEON: 2, lanesNEONSHA3: 2}
)
