package commit

import "github.com/redstuff-go/redstuff/internal/cpu"

// laneSet is a set of hash kernels. Several backends share one: hashing has no
// use for GFNI.
type laneSet uint8

const (
	lanesGeneric laneSet = iota
	lanesAVX2
	lanesAVX512
)

// backendLanes says which kernels a backend runs; a backend that is not here
// has none of its own yet and runs the generic ones.
var backendLanes = map[string]laneSet{
	cpu.Generic:    lanesGeneric,
	cpu.AVX2:       lanesAVX2,
	cpu.AVX2GFNI:   lanesAVX2,
	cpu.AVX512:     lanesAVX512,
	cpu.AVX512GFNI: lanesAVX512,
}

// blake3Width and blake2bWidth are the messages hashed side by side.
var (
	blake3Width  = [...]int{lanesGeneric: 1, lanesAVX2: 8, lanesAVX512: 16}
	blake2bWidth = [...]int{lanesGeneric: 1, lanesAVX2: 4, lanesAVX512: 8}
)
