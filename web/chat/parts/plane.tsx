import plane from '../plane.svg'

export function Plane() {
  return <img className="plane" src={plane} width={104} height={104} alt="" />
}
