package s3

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// intent is what is noted before a blob is registered.
type intent struct {
	Began time.Time         `json:"began"`
	There []daemon.ObjectID `json:"there,omitempty"` // registrations that were there before: they are somebody else's affair
}

// intentAge is for how long a registration is looked for that is not there: a transaction may be
// on its way when its sender has given it up.
const intentAge = 10 * time.Minute

// intend notes that a blob is about to be registered. The key of the intent goes on until
// forget is called.
func (c *collector) intend(id commit.BlobID, there []daemon.ObjectID) (key []byte, err error) {
	key = blobKey(kindIntent, id, c.index.unique()...)
	c.occupy(string(key))
	return key, c.index.apply(func(change change) error { return change.put(key, intent{time.Now().UTC(), there}) })
}

// occupy has what has the key go on.
func (c *collector) occupy(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[key] = true
}

// forget ends intents, or notes, that went on. Those that are still in the index are looked into.
func (c *collector) forget(keys ...string) {
	c.mu.Lock()
	for _, key := range keys {
		delete(c.busy, key)
	}
	c.mu.Unlock()
}

func (c *collector) isBusy(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy[key]
}

// resolve looks for what has come of intents that a crash or a failure left behind: registrations
// that nobody knows. They are the gateway's from then on, and ended unless they are used. It reports
// whether there are some to be looked into again.
func (c *collector) resolve(ctx context.Context) (again bool, err error) {
	if c.registered == nil {
		return false, nil
	}
	var keys [][]byte
	if err := c.index.each([]byte{kindIntent}, []byte{kindIntent}, func(key, _ []byte, _ func([]byte)) (bool, error) {
		keys = append(keys, slices.Clone(key))
		return true, ctx.Err()
	}); err != nil {
		return false, err
	}
	for _, key := range keys {
		if c.isBusy(string(key)) {
			continue
		}
		one, err := get[intent](c.index, key)
		if err != nil {
			return false, err
		}
		if one == nil {
			continue // it has come to its end meanwhile
		}
		if len(key) < 1+len(commit.BlobID{}) {
			return false, fmt.Errorf("s3: record %x of an intent", key)
		}
		id := commit.BlobID(key[1:][:len(commit.BlobID{})])
		found, err := c.registered(ctx, id)
		if err != nil {
			return false, err
		}
		found = slices.DeleteFunc(found, func(o daemon.ObjectID) bool { return slices.Contains(one.There, o) })
		if len(found) == 0 && time.Since(one.Began) < intentAge {
			again = true
			continue
		}
		if err := c.index.apply(func(change change) error {
			for _, object := range found {
				if err := change.made(id, object); err != nil {
					return err
				}
			}
			return change.remove(key)
		}); err != nil {
			return false, err
		}
		if len(found) > 0 {
			c.log.Info("a registration that was left behind was found", "blob", id)
			c.hurry()
		}
	}
	return again, nil
}

// begun keeps the intents of one put.
type begun struct {
	collector *collector
	keys      []string
}

// watch has a put's intents kept, where there is a ledger.
func (c *collector) watch(how daemon.PutOptions) (daemon.PutOptions, *begun) {
	b := &begun{collector: c}
	if c.registered != nil {
		how.Registering = func(id commit.BlobID, there []daemon.ObjectID) error {
			key, err := c.intend(id, there)
			b.keys = append(b.keys, string(key))
			return err
		}
	}
	return how, b
}

// end ends the intents of a put that made what was meant to be made.
func (b *begun) end(c change) error {
	for _, key := range b.keys {
		if err := c.remove([]byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// release lets intents that are still there be looked into.
func (b *begun) release() {
	if len(b.keys) > 0 {
		b.collector.forget(b.keys...)
	}
}
