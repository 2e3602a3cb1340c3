package commit

// laneSet is a set of hash kernels. Several backends share one: hashing has no
// use for GFNI.
type laneSet uint8

const lanesGeneric laneSet = iota

// backendLanes says which kernels a backend runs; a backend that is not here
// has none of its own yet and runs the generic ones.
var backendLanes = map[string]laneSet{}

// blake3Width and blake2bWidth are the messages hashed side by side.
var (
	blake3Width  = [...]int{lanesGeneric: 1}
	blake2bWidth = [...]int{lanesGeneric: 1}
)
