package committee

import "sync"

// generations remember values by keys: the last ones that were set, as many as a generation
// has, and up to as many before them. The zero value is empty, and ready for use by several
// goroutines.
type generations[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

func (g *generations[K, V]) get(key K) (value V, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if value, ok = g.young[key]; !ok {
		value, ok = g.old[key]
	}
	return value, ok
}

// set remembers a value, in a generation of no more than most.
func (g *generations[K, V]) set(key K, value V, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.young == nil || len(g.young) >= most {
		g.young, g.old = make(map[K]V), g.young
	}
	g.young[key] = value
}
