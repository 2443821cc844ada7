package balancer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// What real Engines gossiped.
func TestParseEndpoint(t *testing.T) {
	const rng = "Ch9ybmcuMS5jNzZpYXhsbnM5cTlsaGtvNnJlNmRyeGluEgNybmcaGTltd2lnbXdia2E5eWY5bGY2bHM1eTB6aTIiCDEwLjAuMC43KggxMC4wLjAuODIFGFAgwT5CDDdiNDI1NjY3N2RjMA=="
	b, err := base64.StdEncoding.DecodeString(rng)
	if err != nil {
		t.Fatal(err)
	}
	want := endpoint{service: "9mwigmwbka9yf9lf6ls5y0zi2", vip: ip("10.0.0.7"), ip: ip("10.0.0.8"), ports: []port{{"tcp", 8001}}}
	if got, err := parseEndpoint(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	leaving := protowire.AppendVarint(protowire.AppendTag(b, fieldLeaving, protowire.VarintType), 1)
	if got, err := parseEndpoint(leaving); err != nil || !got.leaving {
		t.Errorf("a task about to stop: %+v, %v", got, err)
	}
}

func TestParseWay(t *testing.T) {
	b, err := base64.StdEncoding.DecodeString("CgsxMC4wLjAuOC8yNBIRMDI6NDI6MGE6MDA6MDA6MDgaCzEwLjIxMy4wLjEz")
	if err != nil {
		t.Fatal(err)
	}
	want := way{ip("10.0.0.8"), "02:42:0a:00:00:08", ip("10.213.0.13")}
	if w, err := parseWay(b); err != nil || w != want {
		t.Errorf("%+v, %v", w, err)
	}
	for n := range b {
		if w, err := parseWay(b[:n]); err == nil && w != want {
			t.Errorf("cut at %d: %+v", n, w)
		}
	}
}

// record builds what a node would gossip.
func record(addr string, ports ...[2]uint64) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, fieldIP, protowire.BytesType), addr)
	for _, p := range ports {
		in := protowire.AppendVarint(protowire.AppendTag(nil, fieldProtocol, protowire.VarintType), p[0])
		in = protowire.AppendVarint(protowire.AppendTag(in, fieldPublished, protowire.VarintType), p[1])
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldPort, protowire.BytesType), in)
	}
	return b
}

func TestParseEndpointRefuses(t *testing.T) {
	if e, err := parseEndpoint(record("10.0.0.8", [2]uint64{1, 53}, [2]uint64{0, 53}, [2]uint64{2, 9}, [2]uint64{0, 0})); err != nil || fmt.Sprint(e.ports) != "[{sctp 9} {tcp 53} {udp 53}]" {
		t.Errorf("%v, %v", e.ports, err)
	}
	for name, b := range map[string][]byte{
		"a name for an address": record("evil; flush ruleset"), "an IPv6 address": record("fe80::1"),
		"a port too large": record("10.0.0.1", [2]uint64{0, 70000}), "an unknown protocol": record("10.0.0.1", [2]uint64{7, 80}),
		"cut": record("10.0.0.1")[:5], "noise": {0xff, 0xff, 0xff},
	} {
		if e, err := parseEndpoint(b); !errors.Is(err, errRecord) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// Whatever is gossiped, what is read of it makes rules of the same form.
func FuzzParseEndpoint(f *testing.F) {
	f.Add(record("10.0.0.8", [2]uint64{1, 53}))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEndpoint(b)
		if err != nil {
			return
		}
		rules := ingressPlan(ip("10.0.0.2"), "eth0", ip("172.18.0.2"), []endpoint{e}).rules()
		for line := range strings.Lines(strings.TrimPrefix(rules, clearRules)) {
			if strings.Contains(line, ";") || len(strings.Fields(line)) > 20 {
				t.Errorf("%q", line)
			}
		}
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s: %v; got:\n%s", name, err, got)
	}
}

func TestRules(t *testing.T) {
	web := []port{{"tcp", 8001}}
	eps := []endpoint{
		{service: "s", vip: ip("10.0.0.7"), ip: ip("10.0.0.10"), ports: web},
		{service: "s", vip: ip("10.0.0.7"), ip: ip("10.0.0.8"), ports: web},
		{service: "s", vip: ip("10.0.0.7"), ip: ip("10.0.0.9"), ports: web, leaving: true},
		{service: "dns", vip: ip("10.0.0.20"), ip: ip("10.0.0.21"), ports: []port{{"tcp", 53}, {"udp", 53}}},
		{service: "stopping", vip: ip("10.0.0.30"), ip: ip("10.0.0.31"), ports: []port{{"tcp", 9}}, leaving: true},
		{ip: ip("10.0.0.40")}, // a container of nobody's service
	}
	in := ingressPlan(ip("10.0.0.2"), "eth0", ip("172.18.0.2"), eps)
	golden(t, "ingress.nft", in.rules())
	golden(t, "node.nft", nodeRules(ip("172.18.0.2"), in.ports()))
	vips := vipPlan(ip("10.0.0.2"), "eth0", eps)
	golden(t, "vips.nft", vips.rules())
	if got := fmt.Sprint(vips.vips()); got != "[10.0.0.7 10.0.0.20 10.0.0.30]" {
		t.Errorf("virtual IPs %s", got)
	}
	if got := nodeRules(netip.Addr{}, nil); got != clearRules {
		t.Errorf("without ports: %q", got)
	}
}

// Rules depend on what is gossiped, not on its order.
func TestRulesHaveOneOrder(t *testing.T) {
	a := endpoint{service: "s", vip: ip("10.0.0.7"), ip: ip("10.0.0.8")}
	b := endpoint{service: "s", vip: ip("10.0.0.7"), ip: ip("10.0.0.10")}
	one := vipPlan(ip("10.0.0.2"), "eth0", []endpoint{a, b, a}).rules()
	if two := vipPlan(ip("10.0.0.2"), "eth0", []endpoint{b, a}).rules(); one != two {
		t.Errorf("%s\n%s", one, two)
	}
}

func TestSandboxesAreMountedNamespacesOnly(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, ingressSandbox), nil, 0o444) // made, not mounted yet
	os.Symlink("/proc/self/ns/net", filepath.Join(dir, "lb_abc"))
	os.Symlink("/proc/self/ns/net", filepath.Join(dir, "1a2b3c"))
	list, err := sandboxes(dir)
	if err != nil || len(list) != 1 || list[0].name != "lb_abc" || list[0].inode == 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := sandboxes(filepath.Join(dir, "none")); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestLines(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	kicks := make(chan bool, 100)
	l := newLines(listener.Addr().(*net.TCPAddr).Port, func() { kicks <- true })
	// An address of this machine counts as this node's: no line is held to it.
	l.want(t.Context(), map[string]netip.Addr{"self": ip("127.0.0.1")})
	if len(l.ends) != 0 {
		t.Error("a line to itself")
	}
	ctx, end := context.WithCancel(t.Context())
	defer l.end()
	defer end()
	l.alive.Go(func() { l.hold(ctx, "peer", ip("127.0.0.1")) })
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
	<-kicks
	if l.isLost("peer") {
		t.Error("lost while the line holds")
	}
	conn.Close()
	<-kicks
	if !l.isLost("peer") {
		t.Error("not lost when the line broke")
	}
	if l.isLost("another") {
		t.Error("a node without a line is lost")
	}
}
