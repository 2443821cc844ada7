package balancer

import (
	"errors"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ipvsGetInfo asks IPVS for its version: the most harmless of its commands.
const ipvsGetInfo = 15

// ipvsServes reports whether this process may use IPVS, by using it. In a user
// namespace the kernel refuses every command; without the module there is no
// such family.
func ipvsServes() (bool, error) {
	family, err := netlink.GenlFamilyGet("IPVS")
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	req := nl.NewNetlinkRequest(int(family.ID), 0)
	req.AddData(&nl.Genlmsg{Command: ipvsGetInfo, Version: 1})
	_, err = req.Execute(unix.NETLINK_GENERIC, 0)
	if errors.Is(err, unix.EPERM) {
		return false, nil
	}
	return err == nil, err
}
