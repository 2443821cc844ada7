package lab

import (
	"context"
	"net"

	"slipway/workshop"
)

// tunnel reaches an agent through the Engine's API alone.
func (h *Host) tunnel(context.Context, *Node) (net.Conn, error) {
	return nil, workshop.Errorf(workshop.Unavailable, "Nodes on an Engine that is not Slipway's own can't be reached yet: run Slipway as root.")
}
