package light

import "github.com/redstuff-go/redstuff/node/ledger"

// Begin is New for a state that began already: that takes most of the time of a test.
func Begin(genesis *ledger.State, o Options, sources ...Source) (*Client, error) {
	return newClient(genesis, o, sources)
}
