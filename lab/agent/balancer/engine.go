package balancer

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// maxAnswer bounds an answer of the Engine; an entry of the gossip is some 400
// bytes.
const maxAnswer = 8 << 20

// maxEvent bounds one event; a container's labels are in it.
const maxEvent = 1 << 20

// engine asks the node's Engine: its API, and the gossip on its diagnostic port.
type engine struct {
	api, gossip *http.Client
}

func newEngine(dial func(context.Context) (net.Conn, error), diagnostic string) *engine {
	var d net.Dialer
	return &engine{
		api: &http.Client{Transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			IdleConnTimeout: 30 * time.Second,
		}},
		gossip: &http.Client{Transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", diagnostic) },
			IdleConnTimeout: 30 * time.Second,
		}},
	}
}

func (e *engine) close() {
	e.api.CloseIdleConnections()
	e.gossip.CloseIdleConnections()
}

// ask reads a JSON answer.
func ask(ctx context.Context, c *http.Client, path string, query url.Values, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://engine"+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the Engine answers %s to %s", res.Status, path)
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(answer)
}

// network is an overlay network.
type network struct {
	ID      string
	Name    string
	Ingress bool
	IPAM    struct{ Config []struct{ Subnet string } }
}

func (n network) contains(a netip.Addr) bool {
	for _, c := range n.IPAM.Config {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil && p.Contains(a) {
			return true
		}
	}
	return false
}

// networks lists the overlay networks that this node knows.
func (e *engine) networks(ctx context.Context) ([]network, error) {
	var list []network
	err := ask(ctx, e.api, "/networks", url.Values{"filters": {`{"driver":["overlay"]}`}}, &list)
	return list, err
}

// peers are the addresses of the nodes in a network, by their names in the gossip.
func (e *engine) peers(ctx context.Context, id string) (map[string]netip.Addr, error) {
	var answer struct{ Peers []struct{ Name, IP string } }
	if err := ask(ctx, e.api, "/networks/"+id, nil, &answer); err != nil {
		return nil, err
	}
	peers := map[string]netip.Addr{}
	for _, p := range answer.Peers {
		if a, err := netip.ParseAddr(p.IP); err == nil {
			peers[p.Name] = a
		}
	}
	return peers, nil
}

// entry is one entry of a table of the gossip.
type entry struct {
	Value []byte
	Owner string // the node that told it
}

func (e *engine) table(ctx context.Context, network, name string) ([]entry, error) {
	var answer struct{ Details struct{ Entries []entry } }
	err := ask(ctx, e.gossip, "/gettable", url.Values{"nid": {network}, "tname": {name}, "json": {""}}, &answer)
	return answer.Details.Entries, err
}

// endpoints is what is gossiped about the tasks in a network. Entries that can't
// be read are left out and counted.
func (e *engine) endpoints(ctx context.Context, network string) (eps []endpoint, bad int, err error) {
	entries, err := e.table(ctx, network, "endpoint_table")
	for _, entry := range entries {
		ep, err := parseEndpoint(entry.Value)
		if err != nil {
			bad++
			continue
		}
		ep.owner = entry.Owner
		eps = append(eps, ep)
	}
	return eps, bad, err
}

// ways is what is gossiped about where the addresses of a network are. Entries
// that can't be read are left out: they are of a kind we don't mend.
func (e *engine) ways(ctx context.Context, network string) (map[way]bool, error) {
	entries, err := e.table(ctx, network, "overlay_peer_table")
	ways := map[way]bool{}
	for _, entry := range entries {
		if w, err := parseWay(entry.Value); err == nil {
			ways[w] = true
		}
	}
	return ways, err
}

// events calls kick for each event that may change the sandboxes or tasks here,
// until ctx ends or the line breaks.
func (e *engine) events(ctx context.Context, kick func()) error {
	filters := `{"type":["container","network"],"event":["start","die","connect","disconnect","create","destroy","remove"]}`
	req, err := http.NewRequestWithContext(ctx, "GET", "http://engine/events?"+url.Values{"filters": {filters}}.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := e.api.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the Engine answers %s when asked for its events", res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		kick()
	}
	return cmp.Or(lines.Err(), io.ErrUnexpectedEOF)
}
