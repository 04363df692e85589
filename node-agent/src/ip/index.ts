export { type Cidr, contains, formatAddress, overlap, parseAddress, parseCidr } from './cidr.ts'
