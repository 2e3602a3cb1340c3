//go:build race

package rsmt2dcodec

// raceEnabled: the race detector makes large squares take minutes.
const raceEnabled = true
