package slides

import "sync"

// cache remembers at least the last n values and at most 2n: when n have come, the older half is
// what was asked for since. It is safe for concurrent use.
type cache[V any] struct {
	mu       sync.Mutex
	n        int
	now, old map[string]V
}

func newCache[V any](n int) *cache[V] {
	return &cache[V]{n: n, now: make(map[string]V)}
}

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.now[key]
	if ok {
		return v, true
	}
	if v, ok = c.old[key]; ok {
		c.add(key, v)
	}
	return v, ok
}

func (c *cache[V]) put(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, v)
}

func (c *cache[V]) add(key string, v V) {
	if len(c.now) >= c.n {
		c.old, c.now = c.now, make(map[string]V, c.n)
	}
	c.now[key] = v
}

func (c *cache[V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.now) + len(c.old)
}
