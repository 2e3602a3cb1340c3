//go:build !race

package rsmt2dcodec

const raceEnabled = false
