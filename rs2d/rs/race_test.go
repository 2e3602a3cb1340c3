//go:build race

package rs

// raceEnabled: under the race detector pools drop what they hold at random.
const raceEnabled = true
