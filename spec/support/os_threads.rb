# frozen_string_literal: true

# The threads of this process as the kernel sees them: Ruby's, the engine's, librdkafka's. Programs that specs start require it too.
module OsThreads
  FILE = __FILE__

  # @return [Hash{String => String}] id to name; one that ends while it is read is left out
  def self.all
    Dir.children("/proc/self/task").filter_map do |id|
      [id, File.read("/proc/self/task/#{id}/comm").chomp]
    rescue SystemCallError
      nil
    end.to_h
  end

  # @return [Array<String>] names of the threads that are ours or librdkafka's, sorted
  def self.ours = all.values.grep(/krs|rdk|waterdrop|karafka/).sort
end
