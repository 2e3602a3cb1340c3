package follow

import "container/list"

// bounded is a map that forgets what was set longest ago.
type bounded[K comparable, V any] struct {
	most  int
	order *list.List // of *pair[K, V], the oldest first
	byKey map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newBounded[K comparable, V any](most int) bounded[K, V] {
	return bounded[K, V]{most, list.New(), make(map[K]*list.Element)}
}

func (b *bounded[K, V]) get(key K) (value V, ok bool) {
	if e := b.byKey[key]; e != nil {
		return e.Value.(*pair[K, V]).value, true
	}
	return value, false
}

func (b *bounded[K, V]) set(key K, value V) {
	if e := b.byKey[key]; e != nil {
		e.Value.(*pair[K, V]).value = value
		b.order.MoveToBack(e)
		return
	}
	if len(b.byKey) == b.most {
		b.remove(b.order.Front().Value.(*pair[K, V]).key)
	}
	b.byKey[key] = b.order.PushBack(&pair[K, V]{key, value})
}

func (b *bounded[K, V]) remove(key K) {
	if e := b.byKey[key]; e != nil {
		b.order.Remove(e)
		delete(b.byKey, key)
	}
}
