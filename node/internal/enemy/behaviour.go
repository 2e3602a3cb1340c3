package enemy

import "fmt"

// Behaviour is a way to answer.
type Behaviour uint8

const (
	// Honest answers as the node does.
	Honest Behaviour = iota
	// Endless answers as the node does, and goes on without end: with frames, entries of
	// a list, or bytes of the answer's own form.
	Endless
	// Silent takes the request and never answers.
	Silent
	// Stalled begins the answer and never ends it.
	Stalled
	// Dripping answers as the node does, at the rate of SetRate.
	Dripping
	// Huge announces far more than the answer has, and sends it.
	Huge
	// Malformed answers with as many bytes as the node does, of no form.
	Malformed
	// CutOff breaks the connection in the middle of the answer.
	CutOff
	// Reordered answers with frames, entries, or halves in the reverse order.
	Reordered
	// Repeated answers with every frame, entry, or the whole twice.
	Repeated
	// Stale answers with what was answered first, to another request if there was one.
	Stale
	// Foreign answers with what was answered last about another blob, or else with what
	// another endpoint answered.
	Foreign
	// Refusing answers that the node is overloaded.
	Refusing
)

var names = [...]string{
	"honest", "endless", "silent", "stalled", "dripping", "huge", "malformed", "cut off", "reordered", "repeated",
	"stale", "foreign", "refusing",
}

// String names the behaviour.
func (b Behaviour) String() string {
	if int(b) < len(names) {
		return names[b]
	}
	return fmt.Sprintf("behaviour %d", uint8(b))
}

// Behaviours returns all but Honest.
func Behaviours() (all []Behaviour) {
	for b := Endless; b <= Refusing; b++ {
		all = append(all, b)
	}
	return all
}
