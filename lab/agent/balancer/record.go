package balancer

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// endpoint is a task's place in a network, as its node tells the others.
type endpoint struct {
	service string // id of the service; "" for a container that belongs to none
	vip     netip.Addr
	ip      netip.Addr
	ports   []port
	leaving bool   // it is about to stop: it gets no new connections
	lost    bool   // its node doesn't answer
	owner   string // the node it runs on, by its name in the gossip
}

// port is a published port.
type port struct {
	protocol string // tcp, udp or sctp, as nft writes them
	number   uint16
}

func (p port) compare(q port) int {
	return cmp.Or(cmp.Compare(p.protocol, q.protocol), cmp.Compare(p.number, q.number))
}

// maxPorts bounds the published ports of one service.
const maxPorts = 1024

// Field numbers of the record and of a port in it.
const (
	fieldService, fieldVIP, fieldIP, fieldPort, fieldLeaving = 3, 4, 5, 6, 9
	fieldProtocol, fieldPublished                            = 2, 4
)

var errRecord = errors.New("an entry of the gossip can't be read")

// parseEndpoint reads the protocol buffer that a node gossips for each task.
// Fields it doesn't know are skipped.
func parseEndpoint(b []byte) (endpoint, error) {
	var e endpoint
	err := fields(b, func(n protowire.Number, v uint64, data []byte) error {
		var err error
		switch n {
		case fieldService:
			e.service = string(data)
		case fieldVIP:
			e.vip, err = address(data)
		case fieldIP:
			e.ip, err = address(data)
		case fieldLeaving:
			e.leaving = v != 0
		case fieldPort:
			var p port
			if p, err = parsePort(data); err == nil && p.number != 0 && len(e.ports) < maxPorts {
				e.ports = append(e.ports, p)
			}
		}
		return err
	})
	slices.SortFunc(e.ports, port.compare)
	return e, err
}

// parsePort reads a port. One that is published nowhere has the number 0.
func parsePort(b []byte) (port, error) {
	p := port{protocol: "tcp"}
	err := fields(b, func(n protowire.Number, v uint64, _ []byte) error {
		switch {
		case n == fieldProtocol && v < 3:
			p.protocol = [...]string{"tcp", "udp", "sctp"}[v]
		case n == fieldPublished && v < 1<<16:
			p.number = uint16(v)
		case n == fieldProtocol, n == fieldPublished:
			return fmt.Errorf("%w: port %d", errRecord, v)
		}
		return nil
	})
	return p, err
}

// address reads an IPv4 address; none is no error. The networks of swarm mode
// have no other.
func address(b []byte) (netip.Addr, error) {
	if len(b) == 0 {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil || !a.Is4() {
		return netip.Addr{}, fmt.Errorf("%w: address %.40q", errRecord, b)
	}
	return a, nil
}

// fields walks over the fields of a message: v is that of a number, data that
// of anything with a length.
func fields(b []byte, each func(n protowire.Number, v uint64, data []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errRecord
		}
		b = b[size:]
		var v uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return errRecord
		}
		if err := each(n, v, data); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}
