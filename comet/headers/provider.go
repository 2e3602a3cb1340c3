package headers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cometbft/cometbft/light/provider"
	cometproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

// maxAnswer bounds a light block: 150 validators and their votes take some 50 kB.
const maxAnswer = 4 << 20

// server is another node's headers.
type server struct {
	chain, base string
	http        *http.Client
}

// NewProvider returns the headers of the node whose API is at a URL such as
// http://10.0.0.1:7300, for a light client, which believes none unseen.
func NewProvider(chainID, base string) provider.Provider {
	return &server{chainID, strings.TrimRight(base, "/"), &http.Client{Timeout: 10 * time.Second}}
}

func (s *server) ChainID() string { return s.chain }
func (s *server) String() string  { return s.base }

// LightBlock asks for a header; 0 is the last one.
func (s *server) LightBlock(ctx context.Context, height int64) (*types.LightBlock, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+Path+strconv.FormatInt(height, 10), nil)
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrNoResponse, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", provider.ErrNoResponse, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, s.missing(ctx, height)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s", provider.ErrNoResponse, resp.Status)
	}
	block, err := parse(s.chain, data)
	if err == nil && height != 0 && block.Height != height {
		err = fmt.Errorf("height %d for %d", block.Height, height)
	}
	if err != nil {
		return nil, provider.ErrBadLightBlock{Reason: err}
	}
	return block, nil
}

// missing tells a header that is not there yet from one that is there no more: a light
// client waits for the one, and gives up the other.
func (s *server) missing(ctx context.Context, height int64) error {
	if height == 0 {
		return provider.ErrLightBlockNotFound
	}
	last, err := s.LightBlock(ctx, 0)
	if err == nil && last.Height < height {
		return provider.ErrHeightTooHigh
	}
	return provider.ErrLightBlockNotFound
}

// parse reads what a server has sent, and holds it against itself.
func parse(chain string, data []byte) (*types.LightBlock, error) {
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("more than %d bytes", maxAnswer)
	}
	var p cometproto.LightBlock
	if err := p.Unmarshal(data); err != nil {
		return nil, err
	}
	if p.SignedHeader == nil || p.ValidatorSet == nil {
		return nil, errors.New("no header, or no validators")
	}
	block, err := types.LightBlockFromProto(&p)
	if err != nil {
		return nil, err
	}
	return block, block.ValidateBasic(chain)
}

// ReportEvidence does nothing: a node that joins has no way to be heard, and the other
// nodes see for themselves who votes twice.
func (s *server) ReportEvidence(context.Context, types.Evidence) error { return nil }
